"""How long a start takes, phase by phase."""

from __future__ import annotations

import json
import time


class Timings:
    """Seconds since this was made, by phase."""

    def __init__(self, show: bool) -> None:
        self._start = time.monotonic()
        self._show = show
        self._phases: dict[str, float] = {}

    def mark(self, phase: str) -> None:
        """Notes that a phase is over."""
        self._phases[phase] = round(time.monotonic() - self._start, 3)

    def show(self) -> None:
        """Prints all phases on one line, if that is wanted."""
        if self._show:
            print(json.dumps(self._phases), flush=True)
