"""Tables that a program shows: the first rows inline, the whole as one Parquet file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runner import cells
from runner.protocol import encode_line

MAX_INLINE_BYTES = 1 << 20


def is_table(item: Any) -> bool:
    """Whether the value is of a kind that is shown as a table."""
    return _kind(item) != ""


def _kind(item: Any) -> str:
    cls = type(item)
    names = {f"{c.__module__.split('.')[0]}.{c.__name__}" for c in cls.__mro__}
    for name, kind in _KINDS.items():
        if name in names:
            return kind
    if isinstance(item, (list, tuple)) and item and all(isinstance(i, dict) for i in item):
        return "dicts"
    return ""


_KINDS = {
    "ray.Dataset": "dataset",
    "pandas.DataFrame": "pandas",
    "pandas.Series": "series",
    "polars.DataFrame": "polars",
    "polars.LazyFrame": "lazy",
    "polars.Series": "polars_series",
    "pyarrow.Table": "arrow",
    "pyarrow.RecordBatch": "batch",
}


def batches(item: Any) -> Iterator[pa.Table]:
    """The value as Arrow tables, one after the other: a Dataset is never held whole."""
    kind = _kind(item)
    if kind == "dataset":
        yield from _dataset(item)
    elif kind in ("pandas", "series"):
        yield _from_pandas(item.to_frame() if kind == "series" else item)
    elif kind in ("polars", "lazy", "polars_series"):
        frame = item.collect() if kind == "lazy" else item.to_frame() if kind == "polars_series" else item
        yield frame.to_arrow()
    elif kind == "arrow":
        yield item
    elif kind == "batch":
        yield pa.Table.from_batches([item])
    else:
        yield from_dicts(list(item))


def _dataset(dataset: Any) -> Iterator[pa.Table]:
    empty = True
    for batch in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
        empty = False
        yield batch
    if empty:
        schema = dataset.schema()
        base = getattr(schema, "base_schema", None)
        yield base.empty_table() if isinstance(base, pa.Schema) else pa.table({n: [] for n in (schema.names if schema else [])})


def from_dicts(rows: list[dict[Any, Any]]) -> pa.Table:
    """A list of dicts as a table; keys may differ from row to row."""
    names = list(dict.fromkeys(str(k) for row in rows for k in row))
    found = [{str(k): v for k, v in row.items()} for row in rows]
    return pa.table({n: _array([row.get(n) for row in found]) for n in names})


def _array(items: list[Any]) -> pa.Array:
    for plain in (False, True):
        with contextlib.suppress(pa.ArrowException, ValueError, TypeError, OverflowError):
            return pa.array([_plain(i) for i in items] if plain else items, from_pandas=True)
    # A lone surrogate has no UTF-8 form.
    return pa.array([None if i is None else str(i).encode("utf-8", "replace").decode() for i in items], pa.string())


def _plain(item: Any) -> Any:
    return item.tolist() if hasattr(item, "tolist") else item


def _from_pandas(frame: Any) -> pa.Table:
    index = frame.index
    plain = index.nlevels == 1 and index.name is None and index.equals(type(frame)(index=range(len(frame))).index)
    if not plain:
        names = [n if n is not None else ("index" if index.nlevels == 1 else f"level_{i}") for i, n in enumerate(index.names)]
        taken = {str(c) for c in frame.columns}
        frame = frame.reset_index(names=[f"{n}_index" if str(n) in taken else n for n in names])
    columns = {}
    for position, label in enumerate(frame.columns):
        name = " ".join(str(p) for p in label if str(p)) if isinstance(label, tuple) else str(label)
        while name in columns:
            name += "_"
        columns[name] = _series(frame.iloc[:, position])
    return pa.table(columns) if columns else pa.table({})


def _series(series: Any) -> Any:
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return _array(list(series))


class Writer:
    """Writes tables to one Parquet file and keeps the first rows."""

    def __init__(self, sink: Any, inline_rows: int) -> None:
        self._sink = sink
        self._most = inline_rows
        self._writer: pq.ParquetWriter | None = None
        self._kept: list[pa.Table] = []
        self._kept_rows = 0
        self.total = 0

    def write(self, parts: Iterable[pa.Table]) -> None:
        """Takes all parts; the file is complete when this returns."""
        try:
            for part in parts:
                self._one(part)
        finally:
            if self._writer is not None:
                self._writer.close()

    def _one(self, part: pa.Table) -> None:
        part = _plain_types(part)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, part.schema, compression="zstd")
        elif part.schema != self._writer.schema:
            part = _fit(part, self._writer.schema)
        self._writer.write_table(part)
        self.total += part.num_rows
        if self._kept_rows < self._most or not self._kept:
            head = part.slice(0, self._most - self._kept_rows)
            self._kept.append(head)
            self._kept_rows += head.num_rows

    def inline(self) -> dict[str, Any]:
        """The Table of the protocol, without its file."""
        table = pa.concat_tables(self._kept) if self._kept else pa.table({})
        columns, values = [], []
        for name, array in zip(table.column_names, table.columns, strict=True):
            kind, items = cells.column(array, cells.type_name(array.type))
            columns.append({"name": name, "type": kind})
            values.append(items)
        rows: list[list[Any]] = []
        size = 0
        for row in zip(*values, strict=True):
            size += len(encode_line(row))
            if size > MAX_INLINE_BYTES:
                break
            rows.append(list(row))
        return {"columns": columns, "rows": rows, "total": self.total}


def _fit(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """Brings a later part into the first part's schema: blocks of one Dataset may differ in nulls, widths and column order."""
    arrays = []
    for field in schema:
        position = part.schema.get_field_index(field.name)
        column = part.column(position) if position >= 0 else pa.nulls(part.num_rows, field.type)
        if column.type != field.type:
            try:
                column = column.cast(field.type)
            except pa.ArrowException as error:
                raise ValueError(f"column {field.name!r} is {field.type} in one part and {column.type} in another") from error
        arrays.append(column)
    return pa.table(arrays, schema=schema)


def _plain_types(part: pa.Table) -> pa.Table:
    """Replaces what Parquet or the page cannot hold: extension types by their storage, null columns by text, doubled names."""
    names: list[str] = []
    arrays = []
    for name, column in zip(part.column_names, part.columns, strict=True):
        while name in names:
            name += "_"
        names.append(name)
        if isinstance(column.type, pa.BaseExtensionType):
            column = _storage(column)
        if pa.types.is_null(column.type):
            column = column.cast(pa.string())
        arrays.append(column)
    return pa.table(arrays, names=names)


def _storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    storage = column.type.storage_type
    if pa.types.is_binary(storage) or pa.types.is_large_binary(storage):  # Ray's Python objects: only their text is safe to show
        return pa.chunked_array([pa.array([None if i is None else str(i) for i in column.to_pylist()], pa.string())])
    return pa.chunked_array([c.storage for c in column.chunks], type=storage)
