"""The node provider that Ray's autoscaler v2 loads: `provider: {type: external, module: runner.scaling.Provider}`.

Ray asks it for everything under the names of its first autoscaler; what those mean is decided by a launcher.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_LAUNCH_REQUEST,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

from autoscaler import settings
from autoscaler.launcher import Launcher, LaunchError, Node, Order

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0


class Provider(NodeProvider):  # type: ignore[misc]
    """One head, which is where this runs, and the workers of a launcher."""

    def __init__(
        self,
        provider_config: dict[str, Any],
        cluster_name: str,
        launcher: Launcher | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        super().__init__(provider_config, cluster_name)
        head = os.environ.get("RAY_CLOUD_INSTANCE_ID", "")
        kind = os.environ.get("RAY_NODE_TYPE_NAME", "")
        if not head or not kind:
            raise ValueError("The head needs RAY_CLOUD_INSTANCE_ID and RAY_NODE_TYPE_NAME: without them Ray never scales.")
        self._head = Node(head, kind, running=True)
        self._launcher = launcher or settings.launcher(provider_config, head)
        self._pause = pause or threading.Event().wait
        self._lock = threading.Lock()
        self._listed: dict[str, Node] = {head: self._head}
        self._owed: dict[str, Node] = {}
        self._orders: Counter[tuple[str, str]] = Counter()
        self._failures = 0

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """The head, and every worker that starts or runs."""
        with self._lock:
            owed, self._owed = self._owed, {}
        found = {node.id: node for node in self._launcher.nodes()}
        # One that died before it was ever listed is listed once all the same: Ray would otherwise wait ten minutes for it.
        listed = {self._head.id: self._head, **owed, **found}
        with self._lock:
            self._listed = listed
        return [i for i in listed if tag_filters.items() <= self.node_tags(i).items()]

    def is_running(self, node_id: str) -> bool:
        """Whether Ray may expect the node to join."""
        node = self._listed.get(node_id)
        return node is not None and node.running

    def is_terminated(self, node_id: str) -> bool:
        """Whether the node is gone."""
        return node_id not in self._listed

    def node_tags(self, node_id: str) -> dict[str, str]:
        """What Ray knows a node by."""
        node = self._listed[node_id]
        return {
            TAG_RAY_NODE_KIND: NODE_KIND_HEAD if node is self._head else NODE_KIND_WORKER,
            TAG_RAY_USER_NODE_TYPE: node.kind,
            TAG_RAY_NODE_NAME: node.id,
            TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
            TAG_RAY_LAUNCH_REQUEST: node.request,
        }

    def create_node_with_resources_and_labels(
        self, node_config: dict[str, Any], tags: dict[str, str], count: int, resources: dict[str, float], labels: dict[str, str]
    ) -> dict[str, Any]:
        """Starts nodes. After a failure it answers late on purpose: Ray itself would ask again at once."""
        kind, request = tags[TAG_RAY_USER_NODE_TYPE], tags.get(TAG_RAY_LAUNCH_REQUEST, "")
        order = Order(self._token(request, kind), kind, count, request, dict(resources), dict(labels or {}), dict(node_config))
        try:
            made = self._launcher.launch(order)
        except LaunchError as error:
            self._failures += 1
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._failures - 1))
            log.warning("no %d nodes of kind %s (%s): %s; next try in %.0f s", count, kind, error.category, error, pause)
            self._pause(pause)
            raise NodeLaunchException(error.category, str(error), None) from error
        self._failures = 0
        with self._lock:
            self._owed.update({i: Node(i, kind, request) for i in made})
        return {i: {} for i in made}

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> dict[str, Any]:
        """As above, for a kind without resources."""
        return self.create_node_with_resources_and_labels(node_config, tags, count, {}, {})

    def terminate_node(self, node_id: str) -> dict[str, Any]:
        """Ends one node."""
        return self.terminate_nodes([node_id])

    def terminate_nodes(self, node_ids: list[str]) -> dict[str, Any]:
        """Ends nodes; those that are gone are fine."""
        if self._head.id in node_ids:
            raise ValueError("The head is not the autoscaler's to end.")
        self._launcher.stop(list(node_ids))
        return {i: {} for i in node_ids}

    def _token(self, request: str, kind: str) -> str:
        """Names an order: Ray's name of it, and which of its parts this is, because Ray splits large ones and those of two kinds."""
        with self._lock:
            self._orders[request, kind] += 1
            part = self._orders[request, kind]
        return hashlib.sha256(f"{self._head.id}/{request}/{kind}/{part}".encode()).hexdigest()

    def internal_ip(self, node_id: str) -> str:
        """Nodes say their addresses themselves."""
        raise NotImplementedError

    external_ip = internal_ip
