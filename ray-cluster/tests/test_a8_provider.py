"""The node provider as Ray's autoscaler calls it, over a launcher that does as it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.tags import TAG_RAY_LAUNCH_REQUEST, TAG_RAY_NODE_KIND, TAG_RAY_USER_NODE_TYPE

from autoscaler import settings
from autoscaler.launcher import Launcher, LaunchError, Node, Order
from autoscaler.provider import Provider


class Told(Launcher):
    """Keeps its nodes in a list."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.present: list[Node] = []
        self.refuse = 0
        self.dead_on_arrival = False

    def launch(self, order: Order) -> list[str]:
        self.orders.append(order)
        if self.refuse:
            self.refuse -= 1
            raise LaunchError("capacity", "no room")
        made = [Node(f"{order.token[:6]}-{n}", order.kind, order.request, True) for n in range(order.count)]
        if not self.dead_on_arrival:
            self.present += made
        return [n.id for n in made]

    def nodes(self) -> list[Node]:
        return list(self.present)

    def stop(self, node_ids: list[str]) -> None:
        self.present = [n for n in self.present if n.id not in node_ids]

    def close(self) -> None:
        self.present = []


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def provider(told: Told, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> Provider:
    monkeypatch.setenv("RAY_CLOUD_INSTANCE_ID", "h1")
    monkeypatch.setenv("RAY_NODE_TYPE_NAME", "head")
    return Provider({}, "orcray", told, pauses.append)


def create(provider: Provider, request: str, count: int, kind: str = "worker") -> list[str]:
    tags = {TAG_RAY_USER_NODE_TYPE: kind, TAG_RAY_LAUNCH_REQUEST: request}
    return list(provider.create_node_with_resources_and_labels({}, tags, count, {"CPU": 1}, {}))


def test_a8_the_head_and_the_workers_are_listed_with_their_tags(provider: Provider) -> None:
    assert provider.non_terminated_nodes({}) == ["h1"] and provider.node_tags("h1")[TAG_RAY_NODE_KIND] == "head"
    made = create(provider, "r1", 2)
    assert provider.non_terminated_nodes({}) == ["h1", *made]
    tags = provider.node_tags(made[0])
    assert (tags[TAG_RAY_NODE_KIND], tags[TAG_RAY_USER_NODE_TYPE], tags[TAG_RAY_LAUNCH_REQUEST]) == ("worker", "worker", "r1")
    assert provider.non_terminated_nodes({TAG_RAY_NODE_KIND: "worker"}) == made
    assert provider.is_running(made[0]) and not provider.is_terminated(made[0])
    provider.terminate_nodes(made)
    assert provider.non_terminated_nodes({}) == ["h1"] and provider.is_terminated(made[0])
    assert provider.terminate_node(made[0]) == {made[0]: {}}


def test_a8_a_worker_that_died_at_once_is_listed_once(provider: Provider, told: Told) -> None:
    told.dead_on_arrival = True
    made = create(provider, "r1", 1)
    assert provider.non_terminated_nodes({}) == ["h1", *made] and not provider.is_running(made[0])
    assert provider.non_terminated_nodes({}) == ["h1"]


def test_a8_every_part_of_a_request_is_an_order_of_its_own(provider: Provider, told: Told) -> None:
    for request, kind in (("r1", "worker"), ("r1", "worker"), ("r1", "big"), ("r2", "worker")):
        create(provider, request, 1, kind)
    tokens = [o.token for o in told.orders]
    assert len(set(tokens)) == 4 and all(len(t) <= 64 for t in tokens)


def test_a8_after_a_failure_it_waits_longer_and_longer(provider: Provider, told: Told, pauses: list[float]) -> None:
    told.refuse = 6
    for n in range(6):
        with pytest.raises(NodeLaunchException) as refused:
            create(provider, f"r{n}", 1)
        assert refused.value.category == "capacity"
    assert pauses == [2, 4, 8, 16, 30, 30]
    create(provider, "ok", 1)
    told.refuse = 1
    with pytest.raises(NodeLaunchException):
        create(provider, "again", 1)
    assert pauses[-1] == 2


def test_a8_the_head_is_not_ended(provider: Provider) -> None:
    with pytest.raises(ValueError, match="head"):
        provider.terminate_nodes(["h1"])


def test_a8_a_head_without_an_id_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_CLOUD_INSTANCE_ID", raising=False)
    with pytest.raises(ValueError, match="RAY_CLOUD_INSTANCE_ID"):
        Provider({"launcher": "local"}, "orcray")


def test_r53_ray_takes_the_configuration_of_zero_to_five_workers(tmp_path: Path) -> None:
    cluster = settings.Cluster(provider={"launcher": "local", "work": str(tmp_path)}, worker_resources={"CPU": 4, "memory": 1 << 34})
    settings.write(cluster, tmp_path / "a.json")
    read = json.loads((tmp_path / "a.json").read_text())
    validate_config(prepare_config(read))
    assert (read["max_workers"], read["available_node_types"]["worker"]["min_workers"]) == (5, 0)
    assert read["idle_timeout_minutes"] == 5 and (tmp_path / "a.json").stat().st_mode & 0o77 == 0


def test_a8_an_unknown_launcher_is_named() -> None:
    with pytest.raises(ValueError, match="'cloud'"):
        settings.launcher({"launcher": "cloud"}, "h1")
