"""Nodes that are ECS tasks: RunTask starts them, and a task's id is the node's id."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions

from autoscaler import ecsclient
from autoscaler.launcher import Launcher, LaunchError, Node, Order, StopError

log = logging.getLogger(__name__)

_PER_RUN, _PER_DESCRIBE = 10, 100  # limits of RunTask and of DescribeTasks
_ENDING = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"})
_HEAD, _KIND, _REQUEST = "orcray:head", "orcray:kind", "orcray:request"
# What AWS says where it has no machine just now; the same call may succeed later.
_NO_ROOM = ("capacity is unavailable", "resource:", "limit on the number")
_CATEGORIES = {
    "ThrottlingException": "throttled",
    "TooManyRequestsException": "throttled",
    "AccessDeniedException": "denied",
    "UnrecognizedClientException": "denied",
    "ServerException": "unavailable",
    "LimitExceededException": "capacity",
}


@dataclass(frozen=True)
class ECSSettings:
    """What a worker's task is started with."""

    cluster: str
    task_definition: str
    subnets: list[str]
    security_groups: list[str]
    head: str  # host:port of the head's GCS
    container: str = "worker"
    capacity_provider: str = ""  # FARGATE, FARGATE_SPOT or one of the cluster's own; empty: the launch type FARGATE
    started_by: str = "orcray-autoscaler"
    settle_seconds: float = 90.0  # for how long ECS may not know a task that it has just started
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class _Task:
    node: Node
    launched: float


class ECSLauncher(Launcher):
    """`head` is the id of the head it works for: tasks that another head has left behind are stopped."""

    def __init__(self, client: Any, settings: ECSSettings, head: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._settings = settings
        self._head = head
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[str, _Task] = {}
        self._stopped: set[str] = set()

    def launch(self, order: Order) -> list[str]:
        """Runs tasks, at most ten a call; what ECS refuses in part is an error, and what it started stays."""
        made: list[str] = []
        for part, start in enumerate(range(0, order.count, _PER_RUN)):
            token = hashlib.sha256(f"{order.token}/{part}".encode()).hexdigest()
            made += self._run(order, min(_PER_RUN, order.count - start), token)
        return made

    def _run(self, order: Order, count: int, token: str) -> list[str]:
        try:
            answer = self._client.run_task(count=count, clientToken=token, **self._request(order))
        except botocore.exceptions.ClientError as error:
            raise _launch_error(error) from error
        except botocore.exceptions.BotoCoreError as error:
            raise LaunchError("unavailable", f"ECS did not answer RunTask: {error}") from error
        made = []
        with self._lock:
            for task in answer.get("tasks", []):
                node_id = _id(task["taskArn"])
                made.append(node_id)
                self._known.setdefault(node_id, _Task(Node(node_id, order.kind, order.request), self._now()))
        if len(made) < count:
            reasons = sorted({str(f.get("reason", "no reason given")) for f in answer.get("failures", [])}) or ["no reason given"]
            category = "capacity" if any(_no_room(r) for r in reasons) else "settings"
            raise LaunchError(category, f"ECS started {len(made)} of {count} workers: {', '.join(reasons)}")
        return made

    def _request(self, order: Order) -> dict[str, Any]:
        settings = self._settings
        environment = {
            "RAY_NODE_TYPE_NAME": order.kind,
            "ORCRAY_HEAD_ADDRESS": settings.head,
            "ORCRAY_CPUS": str(int(order.resources.get("CPU", 1))),
            "ORCRAY_MEMORY": str(int(order.resources.get("memory", 0))),
        }
        tags = {**settings.tags, _HEAD: self._head, _KIND: order.kind, _REQUEST: order.request}
        where: dict[str, Any] = {"launchType": "FARGATE"}
        if settings.capacity_provider:
            where = {"capacityProviderStrategy": [{"capacityProvider": settings.capacity_provider, "weight": 1}]}
        return {
            "cluster": settings.cluster,
            "taskDefinition": settings.task_definition,
            "startedBy": settings.started_by,
            "enableECSManagedTags": True,
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": settings.subnets,
                    "securityGroups": settings.security_groups,
                    "assignPublicIp": "DISABLED",
                }
            },
            "overrides": {
                "containerOverrides": [
                    {"name": settings.container, "environment": [{"name": k, "value": v} for k, v in environment.items()]}
                ]
            },
            "tags": [{"key": k, "value": v} for k, v in tags.items() if v],
            **where,
        }

    def nodes(self) -> list[Node]:
        """What ECS lists, and what it has only just been asked for: it may take a while to know its own tasks."""
        with self._lock:
            begun = dict(self._known)
        seen = set(self._list())
        wanted = [i for i in sorted(seen | set(begun)) if i not in self._stopped]
        found, strays = {}, []
        for task in self._describe(wanted):
            node_id = _id(task["taskArn"])
            if task.get("lastStatus") in _ENDING or task.get("desiredStatus") == "STOPPED":
                self._note_end(node_id, task)
                continue
            tags = {t["key"]: t["value"] for t in task.get("tags", [])}
            if node_id not in begun and tags.get(_HEAD) != self._head:
                strays.append(node_id)
                continue
            known = begun.get(node_id)
            kind = known.node.kind if known else tags.get(_KIND, "worker")
            request = known.node.request if known else tags.get(_REQUEST, "")
            found[node_id] = Node(node_id, kind, request, running=task.get("lastStatus") == "RUNNING")
        listed = self._settle(begun, found)
        if strays:
            log.warning("stopping %d workers that another head left behind: %s", len(strays), ", ".join(strays))
            self.stop(strays)
        return listed

    def _settle(self, begun: dict[str, _Task], found: dict[str, Node]) -> list[Node]:
        """Takes over what was found; a task that ECS does not describe is starting for a while, and then lost."""
        with self._lock:
            for node_id, node in found.items():
                task = self._known.setdefault(node_id, _Task(node, self._now()))
                task.node = node
            for node_id, task in begun.items():
                if node_id in found or node_id not in self._known:
                    continue
                if self._now() - task.launched > self._settings.settle_seconds:
                    log.warning("worker %s is lost: ECS does not know its task", node_id)
                    del self._known[node_id]
            return [t.node for i, t in self._known.items() if i not in self._stopped]

    def _note_end(self, node_id: str, task: dict[str, Any]) -> None:
        with self._lock:
            gone = self._known.pop(node_id, None)
        if gone is not None:
            log.info("worker %s has ended: %s %s", node_id, task.get("stopCode", ""), task.get("stoppedReason", ""))

    def _list(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_tasks").paginate(
            cluster=self._settings.cluster, startedBy=self._settings.started_by, desiredStatus="RUNNING"
        )
        for page in pages:
            yield from (_id(arn) for arn in page.get("taskArns", []))

    def _describe(self, node_ids: list[str]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(node_ids), _PER_DESCRIBE):
            part = node_ids[start : start + _PER_DESCRIBE]
            answer = self._client.describe_tasks(cluster=self._settings.cluster, tasks=part, include=["TAGS"])
            yield from answer.get("tasks", [])

    def stop(self, node_ids: list[str]) -> None:
        """Stops every one of the tasks; an error names those that ECS did not stop."""
        failed = {}
        for node_id in node_ids:
            try:
                self._client.stop_task(cluster=self._settings.cluster, task=node_id, reason="orcray: the autoscaler ends this worker")
            except botocore.exceptions.ClientError as error:
                if not _unknown_task(error):
                    failed[node_id] = str(error)
                    continue
            except botocore.exceptions.BotoCoreError as error:
                failed[node_id] = str(error)
                continue
            with self._lock:
                self._known.pop(node_id, None)
                self._stopped.add(node_id)
        if failed:
            raise StopError("; ".join(f"{node_id}: {text}" for node_id, text in failed.items()))

    def close(self) -> None:
        """Tasks outlive this process; they end by themselves when their head is gone."""


def launcher(options: dict[str, Any], head: str) -> ECSLauncher:
    """Makes the launcher from the provider's configuration."""
    options = dict(options)
    client = ecsclient.make(ecsclient.ClientSettings(**options.pop("client", {})))
    return ECSLauncher(client, ECSSettings(**options), head)


def _id(arn: str) -> str:
    """The last part of a task's ARN: unique, short, and without an account in it."""
    return arn.rpartition("/")[2]


def _no_room(text: str) -> bool:
    return any(words in text.lower() for words in _NO_ROOM)


def _launch_error(error: botocore.exceptions.ClientError) -> LaunchError:
    detail = error.response.get("Error", {})
    code, text = str(detail.get("Code", "")), str(detail.get("Message", ""))
    category = "capacity" if _no_room(text) else _CATEGORIES.get(code, "settings")
    return LaunchError(category, f"ECS refused RunTask: {code}: {text}")


def _unknown_task(error: botocore.exceptions.ClientError) -> bool:
    detail = error.response.get("Error", {})
    return detail.get("Code") == "InvalidParameterException" and "not found" in str(detail.get("Message", ""))
