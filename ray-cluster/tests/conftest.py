"""One cell and, for the tests that need it, one cluster for the whole test run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Runner, remove, short_folder


@pytest.fixture(scope="session")
def cell() -> Iterator[Runner]:
    """A cell without a sandbox."""
    folder = short_folder()
    runner = Runner("runner.cell", folder, "--inbox", str(folder / "in"), "--outbox", str(folder / "out"), "--timings")
    try:
        runner.wait_ready(90)
        yield runner
    finally:
        runner.close()
        remove(folder)


@pytest.fixture(scope="session")
def sources(cell: Runner) -> list[dict[str, Any]]:
    """Two sources in the cell's inbox: a semicolon-separated, day-first, latin-1 file, and a plain one."""
    rows = [f"{i};N{i % 7};München{i % 3};{i / 4:.2f}".replace(".", ",") + f";{1 + i % 28:02d}.{1 + i % 12:02d}.2024" for i in range(1000)]
    rows[5] = rows[5].replace("N5", "")
    (cell.inbox / "f1.csv").write_text("id;name;city;amount;day\n" + "\n".join(rows) + "\n", encoding="latin-1")
    (cell.inbox / "f2.csv").write_text("name,grp\n" + "".join(f"N{i},G{i % 2}\n" for i in range(7)))
    return [
        {
            "uri": "s3://b/u/1/data.csv",
            "name": "Umsatz.csv",
            "format": "csv",
            "files": ["f1.csv"],
            "rows": 1000,
            "dialect": {"delimiter": ";", "quote": '"', "header": True, "encoding": "latin-1", "decimal": ",", "nulls": ["-"]},
            "columns": [
                {"name": "id", "type": "int"},
                {"name": "name", "type": "string"},
                {"name": "city", "type": "string"},
                {"name": "amount", "type": "float"},
                {"name": "day", "type": "date", "format": "%d.%m.%Y"},
            ],
        },
        {
            "uri": "s3://b/u/2/data.csv",
            "name": "groups.csv",
            "format": "csv",
            "files": ["f2.csv"],
            "rows": 7,
            "dialect": {"delimiter": ",", "quote": '"', "header": True},
            "columns": [{"name": "name", "type": "string"}, {"name": "grp", "type": "string"}],
        },
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests only when asked for."""
    if os.environ.get("ORCRAY_LONG_TESTS") == "1":
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="only with ORCRAY_LONG_TESTS=1"))
