"""Nodes that are processes of this machine: each is a `runner.worker` with a folder of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.launcher import Launcher, LaunchError, Node, Order

log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
INSTANCE = "RAY_CLOUD_INSTANCE_ID"
KIND = "RAY_NODE_TYPE_NAME"
# What a worker must not inherit from the head that starts it.
_HEADS_OWN = ("RAY_ADDRESS", "RAY_OVERRIDE_NODE_ID_FOR_TESTING", "ORCRAY_FORK_SOCKET", "ORCRAY_SETUP_WORKER", "RAY_RAYLET_PID")


@dataclass(frozen=True)
class LocalSettings:
    """Where nodes go."""

    work: Path  # a folder of each node's own lies below it; unix socket paths in there must stay short
    head: str  # host:port of the head's GCS
    address: str = "127.0.0.1"
    most: int = 64  # nodes at once on this machine
    grace_seconds: float = 12.0  # from SIGTERM to SIGKILL


@dataclass
class _Started:
    node: Node
    process: subprocess.Popen[bytes]
    folder: Path
    kill_at: float = 0.0  # set when it was told to stop


Command = Callable[[Order, str, Path], list[str]]


class LocalLauncher(Launcher):
    """Keeps no state on disk: its nodes end with the process it lives in."""

    def __init__(self, settings: LocalSettings, *, command: Command | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._command = command or self._worker
        self._now = now
        self._lock = threading.Lock()
        self._started: dict[str, _Started] = {}
        self._orders: dict[str, list[str]] = {}
        self._count = 0
        settings.work.mkdir(parents=True, exist_ok=True)

    def launch(self, order: Order) -> list[str]:
        """Starts processes, as many as there is room for."""
        with self._lock:
            known = self._orders.get(order.token)
            if known is not None:
                return list(known)
            room = self._settings.most - len(self._started)
            made = [self._start(order) for _ in range(min(order.count, room))]
            if made:
                self._orders[order.token] = made
            if len(made) < order.count:
                text = f"This machine takes {self._settings.most} nodes: {order.count - len(made)} of {order.count} were not started."
                raise LaunchError("capacity", text)
            return list(made)

    def nodes(self) -> list[Node]:
        """Looks after the processes, and lists those that are to stay."""
        with self._lock:
            for started in list(self._started.values()):
                self._look_after(started)
            return [s.node for s in self._started.values() if not s.kill_at]

    def stop(self, node_ids: list[str]) -> None:
        """Asks politely; nodes() kills what has not ended in time."""
        with self._lock:
            for started in [self._started[i] for i in node_ids if i in self._started]:
                if not started.kill_at:
                    started.kill_at = self._now() + self._settings.grace_seconds
                    _signal(started.process.pid, signal.SIGTERM)

    def close(self) -> None:
        """Kills every node."""
        with self._lock:
            for started in list(self._started.values()):
                self._end(started, "closed")

    def _start(self, order: Order) -> str:
        self._count += 1
        node_id = f"{order.kind}-{uuid.uuid4().hex[:12]}"
        folder = self._settings.work / f"n{self._count}"
        folder.mkdir()
        env = {k: v for k, v in os.environ.items() if k not in _HEADS_OWN}
        env.update({INSTANCE: node_id, KIND: order.kind, "PYTHONPATH": str(_ROOT)})
        with (self._settings.work / f"{node_id}.log").open("wb") as output:
            process = subprocess.Popen(
                self._command(order, node_id, folder),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started[node_id] = _Started(Node(node_id, order.kind, order.request, running=True), process, folder)
        log.info("node %s: started as process %d", node_id, process.pid)
        return node_id

    def _worker(self, order: Order, node_id: str, folder: Path) -> list[str]:
        resources: dict[str, Any] = dict(order.resources)
        arguments = {
            "--work": folder,
            "--head": self._settings.head,
            "--node-ip-address": self._settings.address,
            "--parent": os.getpid(),
            "--cpus": int(resources.pop("CPU", 1)),
            "--memory": int(resources.pop("memory", 0)),
            "--store": int(resources.pop("object_store_memory", order.options.get("store", 0))),
            "--resources": json.dumps(resources),
            "--labels": json.dumps(order.labels),
        }
        flags = ["--timings"] + (["--no-fork-server"] if order.options.get("no_fork_server") else [])
        return [sys.executable, "-m", "runner.worker", *(f"{name}={value}" for name, value in arguments.items()), *flags]

    def _look_after(self, started: _Started) -> None:
        status = started.process.poll()
        if status is not None:
            self._end(started, f"its process ended with {status}")
        elif started.kill_at and self._now() >= started.kill_at:
            self._end(started, "it did not end in time")

    def _end(self, started: _Started, why: str) -> None:
        """Forgets a node, and sees to it that nothing of it is left: its raylet's children carry its id in their environment."""
        _signal(started.process.pid, signal.SIGKILL)
        started.process.wait()
        left = _carriers(started.node.id)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(started.folder, ignore_errors=True)
        self._started.pop(started.node.id, None)
        log.info("node %s: gone, because %s; %d processes were left", started.node.id, why, len(left))


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _carriers(node_id: str) -> list[int]:
    """Processes with this instance id in their environment."""
    wanted = f"{INSTANCE}={node_id}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found
