"""The sources of a run: which file a path means, and how that file is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote

from runner.failure import SourceError, nearest
from runner.protocol import Credentials, Source

# What the last part of an upload's key is, whatever the file was called (shared/session/sources.go): it names no source.
_FIXED_NAMES = frozenset({"data.csv", "data.jsonl", "data.parquet"})


class Access(Protocol):
    """How the files of sources are reached."""

    @property
    def filesystem(self) -> Any:
        """The pyarrow file system."""

    def path(self, file: str) -> str:
        """The path of a source's file in that file system."""


class Inbox:
    """Files in a folder: a cell's inbox."""

    def __init__(self, folder: Path) -> None:
        from pyarrow import fs

        self.filesystem = fs.LocalFileSystem()
        self._folder = folder

    def path(self, file: str) -> str:
        """The file's path; a name that leaves the inbox is refused."""
        found = (self._folder / file).resolve()
        if not found.is_relative_to(self._folder.resolve()):
            raise SourceError(f"{file!r} is not a name of the inbox.")
        return str(found)


class Bucket:
    """Objects in S3, reached with the run's own rights."""

    def __init__(self, credentials: Credentials) -> None:
        self.filesystem = s3_filesystem(credentials)
        self._bucket = credentials.bucket

    def path(self, file: str) -> str:
        """The object's path: bucket and key."""
        return f"{self._bucket}/{file}"


def s3_filesystem(credentials: Credentials) -> Any:
    """A pyarrow file system with exactly these rights; nothing is taken from the environment."""
    from pyarrow import fs

    endpoint = credentials.endpoint
    scheme, _, host = endpoint.partition("://") if "://" in endpoint else ("https", "", endpoint)
    return fs.S3FileSystem(
        access_key=credentials.access_key_id,
        secret_key=credentials.secret_access_key,
        session_token=credentials.session_token or None,
        region=credentials.region or "us-east-1",
        endpoint_override=host or None,
        scheme=scheme,
        allow_bucket_creation=False,
        force_virtual_addressing=False,
        background_writes=False,
    )


@dataclass(frozen=True)
class Found:
    """A source and those of its files that a path means."""

    source: Source
    paths: tuple[str, ...]


class Catalog:
    """Leads paths to the sources of one run."""

    def __init__(self, sources: Iterable[Source], access: Access) -> None:
        self.sources = tuple(sources)
        self.access = access
        self._own: list[Path] = []

    @property
    def columns(self) -> list[str]:
        """The names of all columns of all sources."""
        return list(dict.fromkeys(c.name for s in self.sources for c in s.columns))

    @property
    def total_names(self) -> list[str]:
        """What the sources are called, for messages."""
        return [s.uri for s in self.sources]

    def allow(self, folder: Path) -> None:
        """Lets the program read back what it writes into a folder."""
        self._own.append(folder)

    def own(self, path: Any) -> bool:
        """Whether the path is of a file that the program itself may have written."""
        if not isinstance(path, (str, os.PathLike)) or "://" in str(path):
            return False
        real = Path(path).resolve()
        return any(real.is_relative_to(folder) for folder in self._own) and real.exists()

    def find(self, given: Any) -> list[Found]:
        """The sources that a path, or a list of paths, means. Raises SourceError for any other path."""
        if isinstance(given, (list, tuple)):
            found = [f for item in given for f in self.find(item)]
            if not found:
                raise SourceError(f"There is no path to read. {self.listing()}")
            return found
        if not isinstance(given, (str, os.PathLike)):
            raise SourceError(f"{type(given).__name__} is not a path. {self.listing()}")
        text = str(os.fspath(given))
        # An address means one source. A name is what people chose, and several may have chosen the same.
        found = self._matching(text, self._by_address) or self._matching(text, self._by_name)
        if len(found) > 1:
            uris = ", ".join(f.source.uri for f in found)
            raise SourceError(f"{text!r} means {len(found)} selected sources: {uris}. Read the one you want by its address.")
        if not found:
            raise SourceError(f"{text!r} is not a selected source. {self.listing(text)}")
        return found

    def _matching(self, text: str, files_of: Callable[[Source, set[str]], tuple[str, ...]]) -> list[Found]:
        wanted = {_plain(text), _plain(unquote(text))}
        found = {s.uri: (s, files) for s in self.sources if (files := files_of(s, wanted))}
        return [Found(source, tuple(self.access.path(f) for f in files)) for source, files in found.values()]

    def _by_address(self, source: Source, wanted: set[str]) -> tuple[str, ...]:
        uri = _plain(source.uri)
        if uri in wanted:
            return source.files
        for file in source.files:
            if wanted & {_plain(self.access.path(file)), file}:
                return (file,)
            # A table's address and the name of one of its files below it.
            below = uri + "/"
            if any(w.startswith(below) and file.endswith(w[len(below) :]) for w in wanted):
                return (file,)
        if any("*" in w and w.split("*", 1)[0].rstrip("/") == uri for w in wanted):
            return source.files
        return ()

    def _by_name(self, source: Source, wanted: set[str]) -> tuple[str, ...]:
        last = PurePosixPath(_plain(source.uri)).name
        names = {source.name} if last in _FIXED_NAMES else {source.name, last}
        return source.files if wanted & (names - {""}) else ()

    def listing(self, wrong: str = "") -> str:
        """Says which sources there are."""
        if not self.sources:
            return "No source is selected: select one first."
        lines = "; ".join(f"{s.uri} ({s.name})" if s.name else s.uri for s in self.sources)
        near = nearest(wrong, [s.uri for s in self.sources], 1) if wrong else []
        hint = f" Did you mean {near[0]}?" if near and len(self.sources) > 1 else ""
        return f"Selected sources: {lines}.{hint}"


def _plain(path: str) -> str:
    """One spelling for one address."""
    for prefix in ("s3a://", "s3n://"):
        if path.startswith(prefix):
            path = "s3://" + path.removeprefix(prefix)
    path = path.removeprefix("file://")
    return path.rstrip("/") or path
