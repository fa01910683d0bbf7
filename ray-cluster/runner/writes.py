"""Leads the writes of a program to its own folder: scratch while validating, the run's outbox while executing."""

from __future__ import annotations

import builtins
import functools
import os
import re
from pathlib import Path
from typing import Any, Protocol

_FRAME_WRITERS = ("to_csv", "to_parquet", "to_json", "to_excel", "to_pickle", "to_feather", "to_html", "to_markdown", "to_orc")


class Folder(Protocol):
    """Where a run's own files go."""

    @property
    def local(self) -> Path:
        """A folder of this machine for everything that is written through files."""

    def dataset(self, relative: str) -> tuple[str, Any]:
        """Path and pyarrow file system (None: local) for the files of a Dataset."""


class LocalFolder:
    """A folder in a cell."""

    def __init__(self, local: Path) -> None:
        local.mkdir(parents=True, exist_ok=True)
        self.local = local

    def dataset(self, relative: str) -> tuple[str, Any]:
        """A sub-folder."""
        return str(self.local / relative), None


def relative(path: Any) -> str:
    """The part of a path that is kept below the run's folder: no scheme, no bucket root, no way up."""
    text = re.sub(r"^[a-zA-Z][\w+.-]*://", "", os.fspath(path))
    parts = [p for p in text.replace("\\", "/").split("/") if p not in ("", ".", "..")]
    return "/".join(parts[-4:]) or "data"


class Writes:
    """Writes of one run."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._root = folder.local.resolve()

    def install(self) -> None:
        """Replaces the writers in this process and makes the run's folder the current one."""
        import pandas
        import ray.data
        from pyarrow import csv, parquet

        for name in ("write_parquet", "write_csv", "write_json", "write_numpy", "write_tfrecords", "write_images", "write_webdataset"):
            self._dataset_writer(ray.data.Dataset, name)
        for name in _FRAME_WRITERS:
            self._method(pandas.DataFrame, name)
        self._method(pandas.Series, "to_csv")
        self._function(parquet, "write_table", 1)
        self._function(csv, "write_csv", 1)
        os.chdir(self._root)

    def install_polars(self, polars: Any) -> None:
        """Replaces polars' writers, once polars is imported."""
        for name in ("write_csv", "write_parquet", "write_json", "write_ndjson"):
            self._method(polars.DataFrame, name)

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """open() for the program: writing happens in the run's folder."""
        if isinstance(mode, str) and set(mode) & set("wax+") and isinstance(file, (str, os.PathLike)):
            file = self.local(file)
        return builtins.open(file, mode, *args, **kwargs)  # noqa: PTH123 - it is open()

    def local(self, path: Any) -> str:
        """Where a file with this path goes."""
        target = self._target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return str(target)

    def written(self, path: Any) -> Any:
        """Where the file lies that the program wrote with this path; the path itself when it wrote none."""
        if not isinstance(path, (str, os.PathLike)):
            return path
        target = self._target(path)
        return str(target) if target.is_file() else path

    def _target(self, path: Any) -> Path:
        resolved = (self._root / os.fspath(path)).resolve()
        return resolved if resolved.is_relative_to(self._root) else self._root / relative(path)

    def _dataset_writer(self, cls: Any, name: str) -> None:
        original = getattr(cls, name, None)
        if original is None:
            return

        @functools.wraps(original)
        def write(dataset: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs.pop("filesystem", None)
            target, filesystem = self._folder.dataset(relative(path))
            if filesystem is not None:
                kwargs["filesystem"] = filesystem
            return original(dataset, target, *args, **kwargs)

        setattr(cls, name, write)

    def _method(self, cls: Any, name: str) -> None:
        original = getattr(cls, name, None)
        if original is None:
            return

        @functools.wraps(original)
        def write(frame: Any, target: Any = None, *args: Any, **kwargs: Any) -> Any:
            kwargs.pop("storage_options", None)
            for key in ("path_or_buf", "path", "file", "buf", "excel_writer"):
                if target is None and key in kwargs:
                    target = kwargs.pop(key)
            if target is None:
                return original(frame, *args, **kwargs)
            led = self.local(target) if isinstance(target, (str, os.PathLike)) else target
            return original(frame, led, *args, **kwargs)

        setattr(cls, name, write)

    def _function(self, module: Any, name: str, position: int) -> None:
        original = getattr(module, name)

        @functools.wraps(original)
        def write(*args: Any, **kwargs: Any) -> Any:
            items = list(args)
            if len(items) > position and isinstance(items[position], (str, os.PathLike)):
                kwargs.pop("filesystem", None)
                items[position] = self.local(items[position])
            return original(*items, **kwargs)

        setattr(module, name, write)
