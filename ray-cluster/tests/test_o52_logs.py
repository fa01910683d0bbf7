"""The runner's own lines: JSON, with the trace of the job."""

from __future__ import annotations

import io
import json

import pytest

from runner import logline

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", TRACE),
        (None, ""),
        ("", ""),
        (f"00-{TRACE}-00f067aa0ba902b7", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-00f067aa0ba902b7-01\n", ""),
        ("x" * 10_000, ""),
    ],
)
def test_o52_the_trace_of_a_header(header: str | None, expected: str) -> None:
    assert logline.trace_id(header) == expected


def test_o52_a_line_is_one_json_object() -> None:
    stream = io.StringIO()
    logline.write("run accepted", stream=stream, run_id="j-validate-1\n", trace_id=TRACE, empty="")
    text = stream.getvalue()
    assert text.count("\n") == 1
    line = json.loads(text)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "INFO", "msg": "run accepted", "run_id": "j-validate-1\n", "trace_id": TRACE}
