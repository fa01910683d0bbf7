"""What the runner says of its work: one JSON object a line, with the trace of the job, never what a program says."""

from __future__ import annotations

import datetime
import json
import re
import sys
from typing import TextIO

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def trace_id(traceparent: str | None) -> str:
    """The trace's id of a W3C traceparent, or nothing."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return match[1] if match else ""


def write(message: str, *, stream: TextIO | None = None, **fields: str) -> None:
    """Writes a line; fields that are empty are left out."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": now, "level": "INFO", "msg": message, **{name: text for name, text in fields.items() if text}}
    print(json.dumps(line), file=stream or sys.stderr, flush=True)
