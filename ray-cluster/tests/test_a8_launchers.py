"""What every launcher must do, shown with both; and the faults of ECS."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler import ecs, local
from autoscaler.ecsclient import ClientSettings, make
from autoscaler.launcher import Launcher, LaunchError, Node, Order, StopError
from tests.autoscaled import wait
from tests.client import processes
from tests.ecsdouble import ECS


class World:
    """A launcher, and a hand that does from outside what happens to nodes."""

    launcher: Launcher
    crash: Callable[[str], None]
    room: Callable[[int], None]

    def ids(self) -> set[str]:
        return {n.id for n in self.launcher.nodes()}


class LocalWorld(World):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room(64)

    def room(self, most: int) -> None:
        def sleeper(_order: Order, _node_id: str, folder: Path) -> list[str]:
            return [sys.executable, "-c", "import time; time.sleep(60)", str(folder)]

        self.launcher = local.LocalLauncher(local.LocalSettings(self.folder, "127.0.0.1:1", most=most, grace_seconds=2), command=sleeper)

    def crash(self, node_id: str) -> None:
        self.launcher._started[node_id].process.kill()  # type: ignore[attr-defined]


class ECSWorld(World):
    def __init__(self, *, head: str = "head-1", now: Callable[[], float] = time.monotonic, attempts: int = 4) -> None:
        self.ecs = ECS()
        client = make(ClientSettings(region="eu-central-1", endpoint=self.ecs.address, attempts=attempts))
        self.launcher = ecs.ECSLauncher(client, SETTINGS, head, now=now)
        self.ecs.faults.hide = 2
        self.crash = self.ecs.end

    def room(self, most: int) -> None:
        self.ecs.room = most


SETTINGS = ecs.ECSSettings(
    cluster="orcray", task_definition="worker:3", subnets=["subnet-1"], security_groups=["sg-1"], head="10.0.0.9:6379"
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(params=["local", "ecs"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made: World = LocalWorld(tmp_path) if request.param == "local" else ECSWorld()
    yield made
    made.launcher.close()
    if isinstance(made, ECSWorld):
        made.ecs.close()
    assert processes(str(tmp_path)) == []


@pytest.fixture
def aws() -> Iterator[ECSWorld]:
    made = ECSWorld()
    yield made
    made.ecs.close()


def order(token: str, count: int = 1, **more: Any) -> Order:
    return Order(token, more.pop("kind", "worker"), count, more.pop("request", token), {"CPU": 2, "memory": 1 << 30}, **more)


def test_a8_launched_nodes_are_listed_at_once_and_run_in_time(world: World) -> None:
    made = world.launcher.launch(order("a", 2))
    assert len(set(made)) == 2 and world.ids() == set(made)
    wait(lambda: all(n.running for n in world.launcher.nodes()), 5)
    assert sorted(world.launcher.nodes(), key=lambda n: n.id) == sorted((Node(i, "worker", "a", True) for i in made), key=lambda n: n.id)


def test_a8_a_repeated_order_starts_nothing(world: World) -> None:
    made = world.launcher.launch(order("a", 2))
    assert world.launcher.launch(order("a", 2)) == made
    assert world.ids() == set(made)
    other = world.launcher.launch(order("b"))
    assert world.ids() == {*made, *other} and len(world.ids()) == 3


def test_a8_stopped_nodes_are_gone_and_stopping_again_is_fine(world: World) -> None:
    made = world.launcher.launch(order("a", 2))
    world.launcher.stop(made[:1])
    assert world.ids() == {made[1]}
    world.launcher.stop([*made, "never-was"])
    assert world.ids() == set()
    world.launcher.stop(made)


def test_a8_a_node_that_ends_by_itself_is_gone(world: World) -> None:
    made = world.launcher.launch(order("a", 2))
    wait(lambda: all(n.running for n in world.launcher.nodes()), 5)
    world.crash(made[0])
    wait(lambda: world.ids() == {made[1]}, 5)
    assert not set(world.launcher.launch(order("b"))) & set(made)


def test_a8_without_room_the_rest_is_refused_and_what_started_is_listed(world: World) -> None:
    world.room(2)
    with pytest.raises(LaunchError) as refused:
        world.launcher.launch(order("a", 3))
    assert refused.value.category == "capacity" and " 3" in str(refused.value)
    assert len(world.ids()) == 2
    with pytest.raises(LaunchError):
        world.launcher.launch(order("b"))
    world.launcher.stop(list(world.ids()))
    wait(lambda: world.launcher.nodes() == [], 5)

    def started() -> bool:
        world.launcher.nodes()
        try:
            return len(world.launcher.launch(order("c"))) == 1
        except LaunchError:
            return False

    wait(started, 5)


def test_a8_orders_from_many_threads_are_all_filled(world: World) -> None:
    made: list[list[str]] = []
    threads = [threading.Thread(target=lambda n=n: made.append(world.launcher.launch(order(f"t{n}", 2)))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert world.ids() == {i for ids in made for i in ids} and len(world.ids()) == 16


def test_a8_a_local_node_that_will_not_end_is_killed(tmp_path: Path) -> None:
    clock = [0.0]

    def deaf(_order: Order, _node_id: str, folder: Path) -> list[str]:
        ready = folder / "ready"
        return [sys.executable, "-c", f"import signal, time; signal.signal(15, 1); open({str(ready)!r}, 'w').close(); time.sleep(60)"]

    launcher = local.LocalLauncher(local.LocalSettings(tmp_path, "127.0.0.1:1", grace_seconds=5), command=deaf, now=lambda: clock[0])
    made = launcher.launch(order("a"))
    wait((tmp_path / "n1" / "ready").exists, 10)
    launcher.stop(made)
    assert launcher.nodes() == [] and processes(str(tmp_path)) != []
    clock[0] = 5.1
    assert launcher.nodes() == [] and processes(str(tmp_path)) == []
    assert not (tmp_path / "n1").exists()


def test_a8_a_task_is_asked_for_privately_and_says_whose_it_is(aws: ECSWorld) -> None:
    aws.launcher.launch(order("a", 1, request="r-1"))
    asked = aws.ecs.of("RunTask")[0]
    network = asked["networkConfiguration"]["awsvpcConfiguration"]
    assert network == {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    assert asked["taskDefinition"] == "worker:3" and asked["launchType"] == "FARGATE" and len(asked["clientToken"]) <= 64
    container = asked["overrides"]["containerOverrides"][0]
    environment = {e["name"]: e["value"] for e in container["environment"]}
    assert container["name"] == "worker"
    assert environment == {
        "RAY_NODE_TYPE_NAME": "worker",
        "ORCRAY_HEAD_ADDRESS": "10.0.0.9:6379",
        "ORCRAY_CPUS": "2",
        "ORCRAY_MEMORY": str(1 << 30),
    }
    tags = {t["key"]: t["value"] for t in asked["tags"]}
    assert tags == {"orcray:head": "head-1", "orcray:kind": "worker", "orcray:request": "r-1"}


def test_a8_many_tasks_take_several_calls_and_pages(aws: ECSWorld) -> None:
    made = [i for n in range(11) for i in aws.launcher.launch(order(f"t{n}", 12))]
    assert [c["count"] for c in aws.ecs.of("RunTask")] == [10, 2] * 11 and len(set(made)) == 132
    aws.launcher.nodes()
    wait(lambda: all(n.running for n in aws.launcher.nodes()), 10)
    assert {n.id for n in aws.launcher.nodes()} == set(made)
    assert any("nextToken" in c for c in aws.ecs.of("ListTasks")) and {len(c["tasks"]) for c in aws.ecs.of("DescribeTasks")} == {100, 32}


def test_a8_throttling_is_waited_out(aws: ECSWorld) -> None:
    aws.ecs.faults.throttle = 2
    begun = time.monotonic()
    made = aws.launcher.launch(order("a"))
    assert len(aws.ecs.of("RunTask")) == 3 and time.monotonic() - begun > 0.01
    assert len({c["clientToken"] for c in aws.ecs.of("RunTask")}) == 1
    aws.ecs.faults.throttle = 2
    assert aws.ids() == set(made)


def test_a8_throttling_without_end_is_an_error_of_its_kind() -> None:
    world = ECSWorld(attempts=2)
    world.ecs.faults.throttle = 2
    with pytest.raises(LaunchError) as refused:
        world.launcher.launch(order("a"))
    assert refused.value.category == "throttled" and world.ids() == set()
    world.ecs.close()


def test_a8_a_lost_answer_starts_nothing_twice(aws: ECSWorld) -> None:
    aws.ecs.faults.lose_answer = 1
    made = aws.launcher.launch(order("a", 2))
    assert len(aws.ecs.of("RunTask")) == 2 and sorted(aws.ecs.running()) == sorted(made)


def test_a8_tasks_of_an_order_whose_answers_were_all_lost_are_found() -> None:
    world = ECSWorld(attempts=2)
    world.ecs.faults.lose_answer = 2
    with pytest.raises(LaunchError) as refused:
        world.launcher.launch(order("a", 2))
    assert refused.value.category == "unavailable"
    wait(lambda: world.ids() == set(world.ecs.running()), 5)
    assert [n.request for n in world.launcher.nodes()] == ["a", "a"]
    world.ecs.close()


@pytest.mark.parametrize(
    ("code", "text", "category"),
    [
        ("ClientException", "Capacity is unavailable at this time. Please try again later or in a different availability zone", "capacity"),
        ("ClientException", "You've reached the limit on the number of vCPUs you can run concurrently", "capacity"),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole", "denied"),
        ("InvalidParameterException", "TaskDefinition not found.", "settings"),
    ],
)
def test_a8_refusals_are_told_apart(aws: ECSWorld, code: str, text: str, category: str) -> None:
    aws.ecs.faults.refuse = (code, text)
    with pytest.raises(LaunchError) as refused:
        aws.launcher.launch(order("a"))
    assert refused.value.category == category and text in str(refused.value)


def test_a8_a_task_that_ecs_does_not_know_yet_is_starting_and_later_lost() -> None:
    clock = [0.0]
    world = ECSWorld(now=lambda: clock[0])
    made = world.launcher.launch(order("a", 2))
    world.ecs.lose(made[0])
    world.ecs.tasks[next(iter(world.ecs.tasks))].hidden = 0
    clock[0] = 60
    assert {n.id: n.running for n in world.launcher.nodes()} == {made[0]: False, made[1]: True}
    clock[0] = 91
    assert world.ids() == {made[1]}
    assert len(world.ecs.of("RunTask")) == 1
    world.ecs.close()


def test_a8_a_slow_task_is_starting_until_it_runs(aws: ECSWorld) -> None:
    aws.ecs.faults.slow, aws.ecs.faults.hide = 3, 0
    aws.launcher.launch(order("a"))
    assert [[n.running for n in aws.launcher.nodes()] for _ in range(5)] == [[False], [False], [False], [True], [True]]


def test_a8_what_another_head_left_behind_is_stopped(aws: ECSWorld) -> None:
    aws.ecs.faults.hide = 0
    client = make(ClientSettings(region="eu-central-1", endpoint=aws.ecs.address))
    former = ecs.ECSLauncher(client, SETTINGS, "head-0").launch(order("a", 2))
    mine = aws.launcher.launch(order("b"))
    assert aws.ids() == set(mine) and aws.ecs.running() == mine
    assert {c["task"] for c in aws.ecs.of("StopTask")} == set(former)


def test_a8_a_restarted_autoscaler_of_the_same_head_finds_its_workers(aws: ECSWorld) -> None:
    aws.ecs.faults.hide = 0
    made = aws.launcher.launch(order("a", 2, request="r-7"))
    client = make(ClientSettings(region="eu-central-1", endpoint=aws.ecs.address))
    again = ecs.ECSLauncher(client, SETTINGS, "head-1").nodes()
    assert {n.id for n in again} == set(made) and {n.request for n in again} == {"r-7"} and aws.ecs.of("StopTask") == []


def test_a8_a_task_that_cannot_be_stopped_is_named_and_stays(aws: ECSWorld) -> None:
    made = aws.launcher.launch(order("a"))
    aws.ecs.faults.deny_stop = True
    with pytest.raises(StopError, match=made[0]):
        aws.launcher.stop(made)
    assert aws.ids() == set(made)
