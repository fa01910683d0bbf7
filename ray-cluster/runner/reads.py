"""Leads the reads of a program to its sources: ray.data, pandas, pyarrow and polars."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from runner import dialects, led, tune
from runner.failure import SourceError
from runner.sources import Catalog, Found

Report = Callable[[dict[str, Any]], None]
_READERS = {"csv": "read_csv", "jsonl": "read_json", "parquet": "read_parquet"}


def _expect(found: list[Found], kind: str, called: str) -> Found:
    """All found files as one: they must be written in the format that the reader reads."""
    for item in found:
        if item.source.format != kind:
            right = _READERS[item.source.format]
            raise ValueError(f"{item.source.uri} is {item.source.format}, not {kind}: read it with {called.rsplit('.', 1)[0]}.{right}().")
    return Found(found[0].source, tuple(p for item in found for p in item.paths))


class Reads:
    """Reads of one run. `report` takes the data of read events; `cpus` is what the run may use."""

    def __init__(self, catalog: Catalog, run_id: str, report: Report, cpus: float) -> None:
        self._catalog = catalog
        self._run_id = run_id
        self._report = report
        self._cpus = cpus
        self._told: set[str] = set()
        self._pending: list[tuple[str, list[Found], list[str]]] = []

    def callbacks(self) -> dict[str, Callable[[Any], None]]:
        """What is to be done with each module once it is imported."""
        return dict.fromkeys(led.READERS, lambda module: led.install(module, lambda: self))

    def flush(self) -> None:
        """Reports the datasets that ran since the last call."""
        from runner import readers

        left = []
        for key, found, columns in self._pending:
            counted = readers.take_counts(key)
            left.append((key, found, columns))
            if counted and key not in self._told:
                self._told.add(key)
                self._emit(found, columns, sum(counted.values()), self._stored(counted))
        self._pending = left
        for key, data in readers.take_reads(self._run_id).items():
            if key not in self._told:
                self._told.add(key)
                self._report(data)

    def _passes(self, given: Any) -> bool:
        """Buffers, and files that the program wrote itself, are its own affair."""
        items = given if isinstance(given, (list, tuple)) else [given]
        return all(not isinstance(i, (str, os.PathLike)) or self._catalog.own(i) for i in items)

    def _emit(self, found: list[Found], columns: list[str], rows: int, size: int) -> None:
        for item in found:
            data: dict[str, Any] = {"uri": item.source.uri, "rows": rows, "bytes": size}
            if columns:
                data["columns"] = columns
            self._report(data)

    def refuse(self, name: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Says that a reader cannot read a source; what is no source is not selected."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        found = self._catalog.find(given)  # says which sources there are
        raise SourceError(f"{name} cannot read {found[0].source.uri}: use ray.data.{_READERS[found[0].source.format]}().")

    def open(self, original: Any, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """open() for reading: a source's own file, or one of the program's."""
        if not isinstance(file, (str, os.PathLike)) or self._passes(file):
            return original(file, mode, *args, **kwargs)
        found = self._catalog.find(file)[0]
        if len(found.paths) > 1:
            raise SourceError(f"{found.source.uri} has {len(found.paths)} files: read it with ray.data.{_READERS[found.source.format]}().")
        self._emit([found], [], found.source.rows, self._stored(found.paths))
        raw = io.BufferedReader(self._open(found.paths[0]))
        if "b" in mode:
            return raw
        dialect = found.source.dialect
        kept = {k: v for k, v in kwargs.items() if k in ("errors", "newline")}
        return io.TextIOWrapper(raw, kwargs.get("encoding") or dialects.codec(dialect.encoding if dialect else ""), **kept)

    # ray.data

    def lead_ray(self, kind: str, original: Any, paths: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads ray.data."""
        if paths is not None and self._passes(paths):
            return original(paths, *args, **kwargs)
        parts = self._catalog.find(paths)
        if len({p.source.uri for p in parts}) > 1:  # several sources: each is read in its own dialect
            sets = [self._ray_one(kind, original, [p], dict(kwargs)) for p in parts]
            return sets[0].union(*sets[1:])
        return self._ray_one(kind, original, parts, kwargs)

    def _ray_one(self, kind: str, original: Any, parts: list[Found], kwargs: dict[str, Any]) -> Any:
        from ray.data import (
            DataContext,
            read_api,  # type: ignore[attr-defined,unused-ignore]
        )

        from runner import readers

        found = _expect(parts, kind, "ray.data.x")
        key = f"{self._run_id}/{len(self._pending)}-{id(found)}"
        kwargs = {"filesystem": self._catalog.access.filesystem, **{k: v for k, v in kwargs.items() if k != "filesystem"}}
        sizes = tune.sizes(self._stored(found.paths), self._cpus)
        tune.apply(DataContext.get_current(), sizes)
        if not {"parallelism", "override_num_blocks"} & kwargs.keys():
            kwargs["override_num_blocks"] = sizes.blocks
        if kind == "parquet":
            kwargs.setdefault("file_extensions", None)
            dataset = original(list(found.paths), **kwargs)
            columns = [str(c) for c in kwargs.get("columns") or []]
            self._parquet_counts(key, found)
        else:
            columns = self._text_options(kind, found, kwargs)
            late = dialects.late_columns(found.source) if kind == "csv" and kwargs.pop("_late", True) else {}
            names = {"csv": "CSVDatasource", "jsonl": "ArrowJSONDatasource"}
            counted: Any = functools.partial(readers.CountedCSV, count_key=key, late=late)
            if kind == "jsonl":
                counted = functools.partial(readers.CountedJSON, count_key=key, raw=dialects.raw_columns(found.source))
            real = getattr(read_api, names[kind])
            setattr(read_api, names[kind], counted)
            try:
                dataset = original(list(found.paths), **kwargs)
            finally:
                setattr(read_api, names[kind], real)
        self._pending.append((key, [found], columns))
        return dataset

    def _text_options(self, kind: str, found: Found, kwargs: dict[str, Any]) -> list[str]:
        if kind == "jsonl":
            kwargs.pop("lines", None)  # the sources are JSON lines, and Ray's reader of lines takes no file system
            for name, value in dialects.json_options(found.source).items():
                kwargs.setdefault(name, value)
            return []
        options = dialects.csv_options(found.source)
        if "convert_options" in kwargs:
            kwargs["_late"] = False
        for name, value in options.items():
            kwargs.setdefault(name, value)
        return list(kwargs["convert_options"].include_columns or [])

    def _stored(self, paths: Iterable[str]) -> int:
        infos = self._catalog.access.filesystem.get_file_info(list(paths))
        return sum(i.size or 0 for i in infos)

    def _parquet_counts(self, key: str, found: Found) -> None:
        """Parquet says in its footers how many rows it has."""
        from pyarrow import parquet

        from runner import readers

        for path in found.paths:
            with self._catalog.access.filesystem.open_input_file(path) as f:
                readers.put_count(key, path, parquet.read_metadata(f).num_rows)

    # pandas, pyarrow, polars: the read happens here and now

    def lead_pandas(self, kind: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads pandas."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        found = _expect(self._catalog.find(given), kind, "pandas.x")
        kwargs.pop("storage_options", None)
        kwargs.pop("filesystem", None)
        if kind == "csv" and not args and not kwargs:
            # Read by Arrow, as ray.data does: pandas would fill short rows up, and its guesses of types differ.
            from pyarrow import csv

            return csv.read_csv(given).to_pandas()
        if kind == "csv":
            if args:
                kwargs["sep"] = args[0]
                args = args[1:]
            kwargs = dialects.pandas_options(found.source, kwargs)
        elif kind == "jsonl":
            kwargs = {"lines": True, **kwargs}
        frames = [original(self._open(path), *args, **kwargs) for path in found.paths]
        import pandas

        if not isinstance(frames[0], pandas.DataFrame):
            return frames[0]  # chunks: the program iterates
        frame = frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)
        self._emit([found], _subset(kwargs.get("usecols") or kwargs.get("columns")), len(frame), self._stored(found.paths))
        return frame

    def _open(self, path: str) -> Any:
        return self._catalog.access.filesystem.open_input_file(path)

    def lead_arrow(self, kind: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads the readers of pyarrow that return tables, and those that look into one file."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        import pyarrow as pa

        found = _expect(self._catalog.find(given), kind, "pyarrow.x")
        kwargs.pop("filesystem", None)
        late: dict[str, str] = {}
        if kind == "csv":
            late = {} if "convert_options" in kwargs else dialects.late_columns(found.source)
            kwargs = {**dialects.csv_options(found.source), **kwargs}
        elif kind == "jsonl":
            kwargs = {**dialects.json_options(found.source), **kwargs}
        raw = dialects.raw_columns(found.source) if kind == "jsonl" else None
        if raw:
            results = [dialects.table_of_lines(io.TextIOWrapper(self._open(path), "utf-8-sig"), raw) for path in found.paths]
        else:
            results = [original(self._open(path), *args, **kwargs) for path in found.paths]
        if not isinstance(results[0], pa.Table):
            return results[0]
        table = pa.concat_tables([dialects.finish(t, late) for t in results], promote_options="default")
        self._emit([found], _subset(kwargs.get("columns")), table.num_rows, self._stored(found.paths))
        return table

    def lead_files(self, name: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads readers that take Parquet files and a file system."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        found = _expect(self._catalog.find(given), "parquet", "pyarrow.parquet.x")
        kwargs["filesystem"] = self._catalog.access.filesystem
        self._emit([found], [], found.source.rows, self._stored(found.paths))
        return original(list(found.paths), *args, **kwargs)

    def lead_dataset(self, name: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads pyarrow.dataset.dataset. Text is read at once: its dialect is more than a dataset's format can say."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        found = self._catalog.find(given)
        if all(f.source.format == "parquet" for f in found):
            kwargs = {k: v for k, v in kwargs.items() if k not in ("format", "partitioning", "partition_base_dir")}
            return self.lead_files(name, original, given, *args, **{**kwargs, "format": "parquet"})
        from pyarrow import csv, json

        readers = {"csv": csv.read_csv, "jsonl": json.read_json}
        if any(f.source.format not in readers for f in found):
            raise SourceError(f"{name} cannot read Parquet and text at once: read each source by itself.")
        return original([original(readers[f.source.format](f.source.uri)) for f in found])

    def scan_polars(self, kind: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads polars' lazy readers."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        import polars

        eager = {"csv": polars.read_csv, "jsonl": polars.read_ndjson, "parquet": polars.read_parquet}
        return eager[kind](given, *args, **kwargs).lazy()

    def lead_polars(self, kind: str, original: Any, given: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Leads polars."""
        if given is not None and self._passes(given):
            return original(given, *args, **kwargs)
        import polars
        from pyarrow import csv

        found = _expect(self._catalog.find(given), kind, "polars.x")
        kwargs.pop("storage_options", None)
        if kind == "csv" and not kwargs:
            # Read by Arrow, which knows all of the dialect.
            return polars.from_arrow(csv.read_csv(given))
        frames = [original(self._open(path), *args, **kwargs) for path in found.paths]
        frame = polars.concat(frames, how="vertical_relaxed")
        self._emit([found], _subset(kwargs.get("columns")), frame.height, self._stored(found.paths))
        return frame


def _subset(columns: Any) -> list[str]:
    return [str(c) for c in columns] if isinstance(columns, (list, tuple, set)) else []
