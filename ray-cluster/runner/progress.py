"""How far a Ray Data execution is, at most once a second: a person who waits sees it move.

Ray makes one Progress for each execution of this process. It is named to Ray by the environment and not by the DataContext: that one is
sent to the workers, and what tells the runner cannot be.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any, ClassVar

from ray.data._internal.execution.execution_callback import ExecutionCallback

SECONDS = 1.0


class Progress(ExecutionCallback):  # type: ignore[misc]
    """Tells how far its execution is. What ends within a second says nothing."""

    sink: ClassVar[Callable[[dict[str, Any]], None]] = staticmethod(lambda data: None)
    clock: ClassVar[Callable[[], float]] = time.monotonic

    def __init__(self) -> None:
        self._next = Progress.clock() + SECONDS

    def on_execution_step(self, executor: Any) -> None:
        """Tells, when it is time again. Ray calls this at every step of its loop."""
        now = Progress.clock()
        if now < self._next:
            return
        self._next = now + SECONDS
        with contextlib.suppress(Exception):  # what is shown to a person must never end their program
            if data := describe(list(executor._topology)):
                Progress.sink(data)


def watch(sink: Callable[[dict[str, Any]], None]) -> None:
    """Makes every execution of this process tell how far it is."""
    Progress.sink = staticmethod(sink)
    os.environ["RAY_DATA_EXECUTION_CALLBACKS"] = f"{Progress.__module__}.{Progress.__name__}"


def describe(operators: list[Any]) -> dict[str, Any] | None:
    """Names the first operator that is still at work, its rows so far and, where Ray can tell, how many they will be."""
    done = [op.has_completed() for op in operators]
    if all(done):
        return None
    at = done.index(False)
    op = operators[at]
    rows, total = int(op.metrics.row_outputs_taken), op.num_output_rows_total()
    name = op.name.split("(")[0]  # without its arguments
    data: dict[str, Any] = {"operator": name, "rows": rows, "finished": at, "operators": len(operators)}
    if total is not None and total >= rows:
        data["total_rows"] = int(total)
    return data
