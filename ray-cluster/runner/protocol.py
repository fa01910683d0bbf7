"""The runner protocol as JSON: what POST /runs takes, checked strictly, and what a log line looks like.

The Go side is shared/ray/protocol.go; the names here are its JSON names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
MAX_BODY = 4 << 20
TERMINAL = frozenset({"succeeded", "failed", "stopped", "timed_out"})
_FORMATS = ("csv", "jsonl", "parquet")
_TYPES = ("int", "float", "bool", "string", "date", "timestamp", "nested")


class BadRequestError(Exception):
    """The request is not of the protocol; the text is a sentence for whoever sent it."""


@dataclass(frozen=True)
class Column:
    """A column of a source."""

    name: str
    type: str = "string"
    format: str = ""
    zoned: bool = False  # its timestamps carry an offset
    raw: bool = False  # its values have several types, and are read as their text


@dataclass(frozen=True)
class Dialect:
    """How a text file is written."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    encoding: str = "utf-8"
    decimal: str = "."
    nulls: tuple[str, ...] = ()
    skip_rows: int = 0
    keep_text: bool = False  # null markers do not hold in text columns
    multiline: bool = False  # quoted values hold line breaks


@dataclass(frozen=True)
class Source:
    """A source as a run sees it: the program reads `uri`, the runner leads the read to `files`."""

    uri: str
    name: str
    format: str
    files: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    dialect: Dialect | None = None
    rows: int = 0


@dataclass(frozen=True)
class Limits:
    """Bounds of one run."""

    wall_seconds: float = 60.0
    output_bytes: int = 1 << 20
    inline_rows: int = 1000
    max_outputs: int = 100
    memory_bytes: int = 0


@dataclass(frozen=True)
class Credentials:
    """The right to read a run's sources and to write its outputs."""

    region: str
    bucket: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    endpoint: str = ""


@dataclass(frozen=True)
class Run:
    """One program to be run in one place, once."""

    run_id: str
    code: str
    mode: str
    sources: tuple[Source, ...] = ()
    limits: Limits = field(default_factory=Limits)
    output_prefix: str = ""
    credentials: Credentials | None = None


class _Reader:
    """Reads the fields of one JSON object and refuses those that it does not know."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise BadRequestError(f"{where} must be an object.")
        self._value: dict[str, Any] = dict(value)
        self._where = where

    def take(self, name: str, kinds: type | tuple[type, ...], default: Any = None, required: bool = False) -> Any:
        value = self._value.pop(name, None)
        if value is None:
            if required:
                raise BadRequestError(f"{self._where} needs {name}.")
            return default
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise BadRequestError(f"{name} in {self._where} must be {' or '.join(_NAMES[k] for k in wanted)}.")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.take(name, list, [])
        if not all(isinstance(v, str) for v in values):
            raise BadRequestError(f"{name} in {self._where} must be a list of texts.")
        return tuple(values)

    def end(self) -> None:
        if self._value:
            raise BadRequestError(f"{self._where} has an unknown field {sorted(self._value)[0]!r}.")


_NAMES: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def decode(body: bytes) -> Any:
    """Parses a JSON body."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The body is not JSON.") from error


def parse_run(value: Any) -> Run:
    """Checks the body of POST /runs."""
    reader = _Reader(value, "the run")
    run_id = reader.take("run_id", str, required=True)
    if not RUN_ID.match(run_id):
        raise BadRequestError("run_id must be 1 to 128 letters, digits, dots, dashes or underscores.")
    code = reader.take("code", str, required=True)
    mode = reader.take("mode", str, required=True)
    if mode not in ("validate", "execute"):
        raise BadRequestError("mode must be validate or execute.")
    sources = tuple(_source(s, i) for i, s in enumerate(reader.take("sources", list, [])))
    uris = [s.uri for s in sources]
    if len(set(uris)) != len(uris):
        raise BadRequestError("two sources have the same uri.")
    limits = _limits(reader.take("limits", dict, {}))
    prefix = reader.take("output_prefix", str, "")
    credentials = _credentials(reader.take("credentials", dict))
    reader.end()
    return Run(run_id, code, mode, sources, limits, prefix, credentials)


def _source(value: Any, index: int) -> Source:
    reader = _Reader(value, f"source {index}")
    uri = reader.take("uri", str, required=True)
    name = reader.take("name", str, "")
    kind = reader.take("format", str, required=True)
    if kind not in _FORMATS:
        raise BadRequestError(f"format of source {index} must be one of {', '.join(_FORMATS)}.")
    dialect = reader.take("dialect", dict)
    columns = tuple(_column(c, index) for c in reader.take("columns", list, []))
    files = reader.texts("files")
    if not uri or not files:
        raise BadRequestError(f"source {index} needs a uri and files.")
    rows = reader.take("rows", int, 0)
    reader.end()
    return Source(uri, name, kind, files, columns, _dialect(dialect, index) if dialect is not None else None, rows)


def _column(value: Any, index: int) -> Column:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise BadRequestError(f"a column of source {index} needs a name.")
    kind = value.get("type") or "string"
    if kind not in _TYPES:
        raise BadRequestError(f"type of column {value['name']!r} must be one of {', '.join(_TYPES)}.")
    # Examples, counts and bounds are for prompts; a run has no use for them.
    return Column(value["name"], kind, value.get("format") or "", value.get("zoned") is True, value.get("raw") is True)


def _dialect(value: Any, index: int) -> Dialect:
    reader = _Reader(value, f"the dialect of source {index}")
    made = Dialect(
        delimiter=reader.take("delimiter", str, "") or ",",
        quote=reader.take("quote", str, ""),
        header=reader.take("header", bool, False),
        encoding=reader.take("encoding", str, "") or "utf-8",
        decimal=reader.take("decimal", str, "") or ".",
        nulls=reader.texts("nulls"),
        skip_rows=reader.take("skip_rows", int, 0),
        keep_text=reader.take("keep_text", bool, False),
        multiline=reader.take("multiline", bool, False),
    )
    reader.end()
    if len(made.delimiter) != 1 or len(made.quote) > 1 or made.decimal not in (".", ","):
        raise BadRequestError(f"the dialect of source {index} needs one-character delimiter and quote, and decimal '.' or ','.")
    return made


def _limits(value: Any) -> Limits:
    reader = _Reader(value, "limits")
    default = Limits()
    wall = float(reader.take("wall_seconds", (int, float), 0))
    made = Limits(
        wall_seconds=wall or default.wall_seconds,
        output_bytes=reader.take("output_bytes", int, 0) or default.output_bytes,
        inline_rows=reader.take("inline_rows", int, 0) or default.inline_rows,
        max_outputs=reader.take("max_outputs", int, 0) or default.max_outputs,
        memory_bytes=reader.take("memory_bytes", int, 0),
    )
    reader.end()
    if not 0 < made.wall_seconds <= 86_400 or min(made.output_bytes, made.inline_rows, made.max_outputs) < 0:
        raise BadRequestError("limits must be positive, and wall_seconds at most 86400.")
    return made


def _credentials(value: Any) -> Credentials | None:
    if value is None:
        return None
    reader = _Reader(value, "credentials")
    made = Credentials(
        region=reader.take("region", str, ""),
        bucket=reader.take("bucket", str, required=True),
        access_key_id=reader.take("access_key_id", str, required=True),
        secret_access_key=reader.take("secret_access_key", str, required=True),
        session_token=reader.take("session_token", str, ""),
        endpoint=reader.take("endpoint", str, ""),
    )
    reader.take("expires", str)
    reader.end()
    return made


def timestamp(now: datetime) -> str:
    """Writes a moment as Go's time.Time reads it."""
    return now.isoformat().replace("+00:00", "Z")


def encode_line(value: Any) -> bytes:
    """Writes one line of JSON; NaN is a mistake of the caller."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
