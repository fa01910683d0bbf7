"""Runs and their logs in the memory of the service."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from runner.protocol import TERMINAL, Run, timestamp

# A program decides what it prints; these bounds decide what the service keeps of it.
MAX_EVENTS = 20_000
MAX_LOG_BYTES = 64 << 20


def _now() -> datetime:
    return datetime.now(UTC)


class RunLog:
    """One run: its state, and its events from 1 without gaps. After a terminal state nothing is added."""

    def __init__(self, run: Run, now: Callable[[], datetime] = _now) -> None:
        self.run = run
        self.state = "running"
        self.events: list[dict[str, Any]] = []
        self._now = now
        self._bytes = 0
        self._full = False
        self._changed = asyncio.Event()
        self.add("status", {"state": "running"})

    @property
    def terminal(self) -> bool:
        """Whether the state can never change."""
        return self.state in TERMINAL

    def add(self, kind: str, data: dict[str, Any], size: int = 200) -> None:
        """Adds an event of about `size` bytes, unless the run is over or its log is full."""
        droppable = kind in ("log", "progress", "output", "read")
        if self.terminal or (self._full and droppable):
            return
        self._bytes += size
        if droppable and (len(self.events) >= MAX_EVENTS or self._bytes > MAX_LOG_BYTES):
            self._full = True
            kind, data = "log", {"stream": "raw", "text": "The log of this run is full; the rest is dropped.\n"}
        self._append(kind, data)

    def finish(self, state: str, failure: dict[str, Any] | None = None) -> bool:
        """Ends the run, once; returns whether this call did it."""
        if self.terminal:
            return False
        if failure is not None:
            self._append("failure", failure)
        self._append("status", {"state": state})
        self.state = state
        self._wake()
        return True

    def status(self) -> dict[str, str]:
        """The answer to POST /runs and GET /runs/{id}."""
        return {"run_id": self.run.run_id, "state": self.state}

    async def wait(self, after: int, seconds: float) -> bool:
        """Waits until there are events beyond `after` or the run is over; False when time is up first."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while len(self.events) <= after and not self.terminal:
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), end - loop.time())
            except TimeoutError:
                return False
        return True

    def _append(self, kind: str, data: dict[str, Any]) -> None:
        seq = len(self.events) + 1
        self.events.append({"seq": seq, "time": timestamp(self._now()), "type": kind, "data": data})
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Registry:
    """The runs that this runner knows. Logs of the last `keep` runs stay; the ids of all stay, so no id ever runs twice."""

    def __init__(self, keep: int = 32) -> None:
        self._keep = keep
        self._logs: OrderedDict[str, RunLog] = OrderedDict()
        self._gone: dict[str, str] = {}

    def get(self, run_id: str) -> RunLog | None:
        """The run, if its log is still kept."""
        return self._logs.get(run_id)

    def past_state(self, run_id: str) -> str | None:
        """The last state of a run whose log is gone."""
        return self._gone.get(run_id)

    def active(self) -> list[RunLog]:
        """The runs that are not over."""
        return [log for log in self._logs.values() if not log.terminal]

    def add(self, run: Run) -> RunLog:
        """Registers a new run."""
        log = RunLog(run)
        self._logs[run.run_id] = log
        for run_id in [k for k, v in self._logs.items() if v.terminal][: max(0, len(self._logs) - self._keep)]:
            self._gone[run_id] = self._logs.pop(run_id).state
        return log
