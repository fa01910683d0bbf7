"""The log of a run in the service's memory."""

from __future__ import annotations

import asyncio

from runner import runs
from runner.protocol import Run
from runner.runs import Registry, RunLog


def log() -> RunLog:
    return RunLog(Run("r", "", "validate"))


def test_r23_a_full_log_says_so_once_and_still_ends() -> None:
    full = log()
    for _ in range(3):
        full.add("output", {"kind": "text"}, runs.MAX_LOG_BYTES // 2 - 100)
    full.add("log", {"stream": "stdout", "text": "x"})
    full.add("failure", {"class": "code"})
    full.finish("failed")
    assert [e["type"] for e in full.events] == ["status", "output", "output", "log", "failure", "status"]
    assert [e["seq"] for e in full.events] == [1, 2, 3, 4, 5, 6]


def test_r17_a_terminal_state_never_changes() -> None:
    over = log()
    assert over.finish("timed_out", {"class": "timeout"}) and not over.finish("succeeded")
    over.add("output", {"kind": "text"})
    assert over.state == "timed_out" and over.events[-1]["data"] == {"state": "timed_out"}


def test_n12_waiting_wakes_at_the_next_event_and_at_the_end() -> None:
    async def scene() -> None:
        waited = log()
        assert not await waited.wait(1, 0.01)
        waiting = asyncio.create_task(waited.wait(1, 30))
        await asyncio.sleep(0)
        waited.add("log", {"stream": "stdout", "text": "x"})
        assert await waiting
        waiting = asyncio.create_task(waited.wait(2, 30))
        await asyncio.sleep(0)
        waited.finish("stopped")
        assert await waiting

    asyncio.run(scene())


def test_r16_an_id_is_known_for_ever() -> None:
    registry = Registry(keep=2)
    for number in range(5):
        registry.add(Run(f"r{number}", "", "validate")).finish("succeeded")
    registry.add(Run("last", "", "validate"))
    assert registry.get("r0") is None and registry.past_state("r0") == "succeeded"
    assert [entry.run.run_id for entry in registry.active()] == ["last"]
