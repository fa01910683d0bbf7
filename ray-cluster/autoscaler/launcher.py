"""The port between Ray's autoscaler and what starts nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Order:
    """`count` nodes of one kind. `token` names the order: at most 64 characters, and the same token never starts more."""

    token: str
    kind: str
    count: int
    request: str = ""  # the autoscaler's own name of what it asked for; nodes() gives it back
    resources: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # node_config of the autoscaler's configuration


@dataclass(frozen=True)
class Node:
    """A node that starts or runs; `id` is what Ray on it must say in RAY_CLOUD_INSTANCE_ID, and is never used again."""

    id: str
    kind: str
    request: str = ""
    running: bool = False


class LaunchError(Exception):
    """An order was not filled, or not whole. What was started in part is listed by nodes()."""

    def __init__(self, category: str, sentence: str) -> None:
        super().__init__(sentence)
        self.category = category  # capacity, throttled, denied, settings or unavailable


class StopError(Exception):
    """Nodes could not be told to stop; asking again is safe."""


class Launcher(Protocol):
    """Starts and ends nodes. Methods may be called from several threads."""

    def launch(self, order: Order) -> list[str]:
        """Starts the nodes and returns their ids, without waiting until they run. Raises LaunchError."""

    def nodes(self) -> list[Node]:
        """Every node that starts or runs. One that was launched is here at once; one that ended, was lost or told to stop is not."""

    def stop(self, node_ids: list[str]) -> None:
        """Tells nodes to end; unknown and ended ones are fine. Raises StopError when one could not be told."""

    def close(self) -> None:
        """Ends what would not outlive this process anyway."""
