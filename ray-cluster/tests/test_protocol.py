"""Requests are checked strictly, and said in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from runner.protocol import BadRequestError, Limits, parse_run

RUN: dict[str, Any] = {"run_id": "j1-validate-1", "code": "print(1)", "mode": "validate", "sources": [], "limits": {}}
SOURCE: dict[str, Any] = {"uri": "s3://b/k", "name": "k", "format": "csv", "files": ["k"], "rows": 1}


def test_n12_a_run_as_the_go_side_writes_it() -> None:
    run = parse_run(
        {
            **RUN,
            "output_prefix": "u/1/",
            "limits": {"wall_seconds": 1.5, "output_bytes": 0, "inline_rows": 0, "max_outputs": 0},
            "sources": [
                {
                    **SOURCE,
                    "dialect": {"header": True, "delimiter": ";", "nulls": ["-"]},
                    "columns": [
                        {
                            "name": "a",
                            "type": "date",
                            "format": "%d.%m.%Y",
                            "nulls": 0,
                            "distinct": 3,
                            "examples": ["01.02.2024"],
                            "min": "x",
                        }
                    ],
                }
            ],
            "credentials": {
                "endpoint": "http://127.0.0.1:9000",
                "region": "us-east-1",
                "bucket": "b",
                "access_key_id": "a",
                "secret_access_key": "s",
                "session_token": "t",
                "expires": "2026-01-01T00:00:00Z",
            },
        }
    )
    assert run.limits == Limits(wall_seconds=1.5) and run.sources[0].columns[0].format == "%d.%m.%Y"
    assert run.sources[0].dialect is not None and run.sources[0].dialect.nulls == ("-",)
    assert run.credentials is not None and "s'" not in repr(run.credentials)
    assert parse_run({**RUN, "sources": None, "limits": None}).sources == ()


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": ""},
        {"run_id": "../x"},
        {"run_id": 7},
        {"mode": "debug"},
        {"code": None},
        {"extra": 1},
        {"sources": {}},
        {"sources": [1]},
        {"sources": [{**SOURCE, "format": "xlsx"}]},
        {"sources": [SOURCE, SOURCE]},
        {"sources": [{**SOURCE, "files": []}]},
        {"sources": [{**SOURCE, "dialect": {"delimiter": "ab"}}]},
        {"sources": [{**SOURCE, "columns": [{"type": "int"}]}]},
        {"sources": [{**SOURCE, "columns": [{"name": "a", "type": "money"}]}]},
        {"limits": {"wall_seconds": -1}},
        {"limits": {"wall_seconds": True}},
        {"limits": {"seconds": 1}},
        {"credentials": {"bucket": "b"}},
        {"sources": [{**SOURCE, "rows": "1"}]},
    ],
)
def test_s3_what_is_not_of_the_protocol_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as caught:
        parse_run({**RUN, **change})
    assert str(caught.value).endswith(".")
