"""The readers of libraries that are led to a run's sources, in a driver and in workers."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

_FORMATS = {"read_csv": "csv", "read_json": "jsonl", "read_parquet": "parquet"}
_POLARS = {"read_csv": "csv", "read_ndjson": "jsonl", "read_parquet": "parquet"}


def _refused(names: str) -> dict[str, tuple[str, str]]:
    """Readers of things that are no sources: they would fail anyway, but slowly and with a riddle."""
    return dict.fromkeys(names.split(), ("refuse", ""))


# Module, then for each of its readers the method of Reads that takes the call, and the format that is read.
READERS: dict[str, dict[str, tuple[str, str]]] = {
    "ray.data": {
        **{name: ("lead_ray", kind) for name, kind in _FORMATS.items()},
        **_refused("read_text read_binary_files read_images read_numpy read_avro read_orc read_tfrecords read_webdataset read_sql"),
        **_refused("read_mongo read_bigquery read_snowflake read_delta read_iceberg read_hudi read_lance read_clickhouse"),
        **_refused("read_databricks_tables read_unity_catalog read_audio read_videos read_kafka"),
    },
    "pandas": {
        **{name: ("lead_pandas", kind) for name, kind in {**_FORMATS, "read_table": "csv"}.items()},
        **_refused("read_excel read_fwf read_feather read_orc read_hdf read_pickle read_sas read_stata read_spss"),
    },
    "pyarrow.csv": {"read_csv": ("lead_arrow", "csv"), "open_csv": ("lead_arrow", "csv")},
    "pyarrow.json": {"read_json": ("lead_arrow", "jsonl")},
    "pyarrow.parquet": {
        **dict.fromkeys(("read_table", "ParquetFile", "read_schema", "read_metadata"), ("lead_arrow", "parquet")),
        "ParquetDataset": ("lead_files", ""),
        **_refused("read_pandas"),
    },
    "pyarrow.dataset": {"dataset": ("lead_dataset", ""), **_refused("parquet_dataset")},
    "pyarrow.feather": _refused("read_table read_feather"),
    "pyarrow.orc": _refused("read_table ORCFile"),
    "polars": {
        **{name: ("lead_polars", kind) for name, kind in _POLARS.items()},
        **{name.replace("read", "scan"): ("scan_polars", kind) for name, kind in _POLARS.items()},
        **_refused("read_csv_batched read_json read_excel read_ods read_ipc scan_ipc read_avro"),
    },
}
_FIRST = ("paths", "path", "filepath_or_buffer", "path_or_buf", "path_or_paths", "input_file", "source", "where", "io")


class Led:
    """Stands for a reader. Pickled it is but its name, so that in another process it is what stands there."""

    def __init__(self, module: str, name: str, original: Any, reads: Callable[[], Any], how: tuple[str, str]) -> None:
        functools.update_wrapper(self, original, updated=())
        self._where = (module, name)
        self._original = original
        self._reads = reads
        self._how = how

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._where[0].startswith("pyarrow.") and _of_a_library(sys._getframe(1).f_globals.get("__name__", "")):
            return self._original(*args, **kwargs)
        key = next((k for k in _FIRST if k in kwargs), None) if not args else None
        given = args[0] if args else kwargs.get(key or "")
        if given is not None and not is_path(given):
            return self._original(*args, **kwargs)
        reads = self._reads()
        if reads is None:
            return self._original(*args, **kwargs)
        if key:
            args = (kwargs.pop(key),)
        method, kind = self._how
        return getattr(reads, method)(kind or ".".join(self._where), self._original, *args, **kwargs)

    def __reduce__(self) -> Any:
        return _named, self._where

    def __getattr__(self, name: str) -> Any:
        if name == "_original":  # not made yet
            raise AttributeError(name)
        return getattr(self._original, name)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, self._original)


def _named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _of_a_library(module: str) -> bool:
    """Whether the caller is a library that reads on the program's behalf: it was led before, or is Ray at its own work."""
    return module.partition(".")[0] in ("ray", "pandas", "pyarrow", "polars")


def is_path(given: Any) -> bool:
    """Whether a reader's first argument names files; buffers, tables and connections do not."""
    items = given if isinstance(given, (list, tuple)) else [given]
    return any(isinstance(i, (str, os.PathLike)) for i in items) or not items


def install(module: Any, reads: Callable[[], Any]) -> None:
    """Replaces the readers of a module. `reads` gives what leads them, or None where there is no run."""
    name = module.__name__
    for reader, how in READERS[name].items():
        original = getattr(module, reader, None)
        if original is not None and not isinstance(original, Led):
            setattr(module, reader, Led(name, reader, original, reads, how))
