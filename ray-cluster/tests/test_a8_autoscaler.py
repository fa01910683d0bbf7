"""Ray's own autoscaler with real worker nodes on this machine: 0 → 2 → 0, with one worker killed in the middle of a task.

One story is played once; the tests look at what was seen.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.autoscaled import GCS_PORT, Head, lines, wait
from tests.client import processes

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("unshare") is None or os.geteuid() != 0, reason="SKIPPED: a head needs a network of its own: unshare as root"
    ),
]

IDLE_SECONDS = 6.0
TASKS = 4
SCRIPT = f"""
import json, os, sys, time, ray

ray.init("127.0.0.1:{GCS_PORT}", log_to_driver=False)
seen = sys.argv[1]

@ray.remote(num_cpus=1, max_retries=3)
def square(i, seen):
    def note(what):
        with open(seen, "a") as file:
            node = ray.get_runtime_context().get_node_id()
            file.write(json.dumps({{"task": i, "what": what, "at": time.time(), "node": node, "pid": os.getpid()}}) + "\\n")
    note("begun")
    time.sleep(4)
    note("done")
    return i * i

with open(seen, "a") as file:
    file.write(json.dumps({{"task": -1, "what": "asked", "at": time.time(), "node": ""}}) + "\\n")
print("sum", sum(ray.get([square.remote(i, seen) for i in range({TASKS})])))
"""


@dataclass
class Story:
    """What was seen."""

    before: int = -1
    most: int = 0
    killed_node: str = ""
    killed_tasks: set[int] = field(default_factory=set)
    status: str = ""
    printed: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    ended: float = 0.0
    last_gone: float = 0.0
    left: list[int] = field(default_factory=list)

    def of(self, what: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["what"] == what]


def kill_node(head: Head, task: dict[str, Any]) -> None:
    """Kills the first process of the worker node where a task has begun, and so its raylet with everything below it."""
    victim = next(p for p in head.node_processes() if _below(task["pid"], p))
    node = next(n for n in processes("raylet/raylet") if _below(n, victim))
    os.kill(victim, signal.SIGKILL)
    wait(lambda: not Path(f"/proc/{node}").exists(), 10, lambda: "the raylet outlived its worker's first process")
    wait(lambda: task["node"] not in head.workers(), 30, head.logs)


def _below(pid: int, ancestor: int) -> bool:
    from tests.autoscaled import _parent

    while pid > 1:
        if pid == ancestor:
            return True
        pid = _parent(pid)
    return False


def play(head: Head, story: Story) -> None:
    head.runner.wait_ready(90)
    story.before = len(head.workers())
    seen = head.folder / "seen.jsonl"
    head.submit("squares", SCRIPT, str(seen))
    wait(lambda: len(head.workers()) == 2, 90, head.logs)
    story.most = 2
    wait(lambda: len({e["node"] for e in lines(seen) if e["what"] == "begun"}) == 2, 30, head.logs)
    # The task that began last has nearly all of its time ahead.
    task = [e for e in lines(seen) if e["what"] == "begun"][-1]
    kill_node(head, task)
    on_it = [e for e in lines(seen) if e["node"] == task["node"]]  # no more can come
    story.killed_node = task["node"]
    story.killed_tasks = {e["task"] for e in on_it if e["what"] == "begun"} - {e["task"] for e in on_it if e["what"] == "done"}
    wait(lambda: head.status("squares") in ("SUCCEEDED", "FAILED"), 90, head.logs)
    story.ended = time.time()
    story.status, story.printed = head.status("squares"), head.printed("squares")
    story.events = lines(seen)
    wait(lambda: not head.workers(), 40, head.logs)
    story.last_gone = time.time()
    wait(lambda: not processes(str(head.nodes_folder)), 20, head.logs)
    story.starts = head.node_starts()


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    head = Head(idle_seconds=IDLE_SECONDS)
    seen = Story()
    try:
        play(head, seen)
    finally:
        head.close()
    yield seen


def test_a8_demand_makes_two_workers_from_none(story: Story) -> None:
    assert story.before == 0 and story.most == 2
    assert len({e["node"] for e in story.of("begun")}) >= 2


def test_a8_a_worker_killed_in_the_middle_of_a_task_loses_nothing(story: Story) -> None:
    assert story.status == "SUCCEEDED" and f"sum {sum(i * i for i in range(TASKS))}\n" in story.printed, story.printed
    assert story.killed_tasks, "no task ran on the node that was killed"
    begun, done = Counter(e["task"] for e in story.of("begun")), Counter(e["task"] for e in story.of("done"))
    assert all(begun[t] >= 2 and done[t] >= 1 for t in story.killed_tasks), story.events
    assert all(e["node"] != story.killed_node for e in story.of("done") if e["task"] in story.killed_tasks)


def test_r55_idle_workers_go_after_the_set_time_and_leave_nothing(story: Story) -> None:
    last = max(e["at"] for e in story.of("done"))
    assert IDLE_SECONDS - 1 <= story.last_gone - last <= IDLE_SECONDS + 25


def test_p10_the_first_task_starts_within_15_seconds_beyond_the_machines_own_start(story: Story) -> None:
    asked, first = story.of("asked")[0]["at"], min(e["at"] for e in story.of("begun"))
    own = min(story.starts)
    assert first - asked - own <= 15, f"{first - asked:.1f} s from demand to task, {own:.1f} s of them the worker's own start"
