"""Watches the memory of a cell's processes while a run is active.

A sandbox with cgroups ends the whole cell when its memory is used up; this ends the run before, and says why.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

_PERIOD_SECONDS = 0.25


def used() -> int:
    """Bytes of anonymous and shared memory of all processes that this one can see and that belong to its user."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/statm"):
        try:
            _, resident, shared, *_ = status.read_text().split()
        except (OSError, ValueError):  # it ended meanwhile
            continue
        total += int(resident) - int(shared)
    return total * 4096


async def exceeded(limit: int) -> None:
    """Returns when the run has taken more than `limit` bytes beyond what the cell had when it began; never when there is no limit."""
    if limit <= 0:
        await asyncio.Event().wait()
    start = used()
    while used() - start <= limit:
        await asyncio.sleep(_PERIOD_SECONDS)
