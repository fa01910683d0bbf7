"""Ray Data readers that count. They run in workers, so each count goes to Ray's own key-value store, where the driver finds it."""

from __future__ import annotations

import io
import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Any

from ray.data._internal.datasource.csv_datasource import CSVDatasource
from ray.data._internal.datasource.json_datasource import ArrowJSONDatasource
from ray.experimental import internal_kv

from runner import dialects

_NAMESPACE = b"orcray-reads"
_LINES = 20_000  # of a JSON lines file, in one block


def put_count(key: str, path: str, rows: int) -> None:
    """Notes that a file was read."""
    name = f"{key}/{uuid.uuid4().hex}".encode()
    internal_kv._internal_kv_put(name, json.dumps([path, rows]).encode(), namespace=_NAMESPACE)


def take_counts(key: str) -> dict[str, int]:
    """Rows by file, of the fullest read of each: a dataset that runs twice reads its files twice. Forgets them."""
    found: dict[str, int] = {}
    for name in internal_kv._internal_kv_list(f"{key}/".encode(), namespace=_NAMESPACE):
        value = internal_kv._internal_kv_get(name, namespace=_NAMESPACE)
        if value:
            path, rows = json.loads(value)
            found[path] = max(rows, found.get(path, 0))
        internal_kv._internal_kv_del(name, namespace=_NAMESPACE)
    return found


def put_read(run_id: str, data: dict[str, Any]) -> None:
    """Notes in a worker that a program's function read a source there."""
    what = json.dumps([data["uri"], data.get("columns", [])])
    internal_kv._internal_kv_put(f"{run_id}/workers/{what}".encode(), json.dumps(data).encode(), namespace=_NAMESPACE)


def take_reads(run_id: str) -> dict[str, dict[str, Any]]:
    """The reads of workers, each of them once."""
    found: dict[str, dict[str, Any]] = {}
    for name in internal_kv._internal_kv_list(f"{run_id}/workers/".encode(), namespace=_NAMESPACE):
        if value := internal_kv._internal_kv_get(name, namespace=_NAMESPACE):
            found[bytes(name).decode()] = json.loads(value)
    return found


class CountedCSV(CSVDatasource):  # type: ignore[misc]
    """Reads CSV, parses late columns, and counts rows."""

    def __init__(self, paths: Any, *, count_key: str, late: dict[str, str], **rest: Any) -> None:
        super().__init__(paths, **rest)
        self._count_key = count_key
        self._late = late

    def get_name(self) -> str:
        """As Ray's own reader is called."""
        return "CSV"

    def _read_stream(self, f: Any, path: str) -> Iterator[Any]:
        rows = 0
        try:
            for table in super()._read_stream(f, path):
                rows += table.num_rows
                yield dialects.finish(table, self._late) if self._late else table
        finally:
            put_count(self._count_key, path, rows)


class CountedJSON(ArrowJSONDatasource):  # type: ignore[misc]
    """Reads JSON lines, and counts rows."""

    def __init__(self, paths: Any, *, count_key: str, raw: frozenset[str] = frozenset(), **rest: Any) -> None:
        super().__init__(paths, **rest)
        self._count_key = count_key
        self._raw = raw

    def get_name(self) -> str:
        """As Ray's own reader is called."""
        return "JSON"

    def _tables(self, f: Any, path: str) -> Iterator[Any]:
        if not self._raw:
            yield from super()._read_stream(f, path)
            return
        lines = io.TextIOWrapper(f, "utf-8-sig")
        while batch := list(itertools.islice(lines, _LINES)):
            yield dialects.table_of_lines(batch, self._raw)

    def _read_stream(self, f: Any, path: str) -> Iterator[Any]:
        rows = 0
        try:
            for table in self._tables(f, path):
                rows += table.num_rows
                yield table
        finally:
            put_count(self._count_key, path, rows)
