"""From a user's exception to a Failure: its class, the user's own frames, the line, the wrong name and the nearest ones."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.failure import PROGRAM, make, nearest

_MAX_TRACEBACK = 8 << 10
_WRAPPERS = ("UserCodeException", "SystemException", "RayTaskError")


@dataclass(frozen=True)
class Cause:
    """The user's own exception: its type's name, its text, and where in the program it passed."""

    name: str
    text: str
    frames: list[tuple[int, str]] = field(default_factory=list)  # line, function; the innermost last
    error: BaseException | None = None  # itself, when it was raised in this process


def describe(error: BaseException, *, columns: Sequence[str], names: Iterable[str]) -> dict[str, Any]:
    """Describes an exception. `columns` are those that exist, `names` those that a program can use."""
    cause = find(error)
    kind, wrong, near = classify(cause, columns, list(names))
    line = cause.frames[-1][0] if cause.frames else 0
    if isinstance(error, SyntaxError) and error.lineno:
        line = error.lineno
    return make(kind, cause.name, cause.text, traceback=_trace(cause), line=line, wrong=wrong, nearest=near)


def find(error: BaseException) -> Cause:
    """Takes the user's exception out of what Ray and Ray Data wrap around it. Across processes only its text survives."""
    here = [(f.lineno or 0, f.name) for f in traceback.extract_tb(error.__traceback__) if f.filename == PROGRAM]
    remote = getattr(error, "traceback_str", None) or (str(error) if _is_remote(error) else "")
    sections = [s for s in (_section(t) for t in str(remote).split(_CHAIN)) if s is not None]
    sections = [s for s in sections if not _is_wrapper(s)] or sections
    if sections:
        last = sections[-1]
        frames = here + [f for s in sections for f in s.frames if f not in here][-10:]
        return Cause(last.name, last.text, frames)
    own = error
    while _is_wrapper(Cause(type(own).__name__, str(own))) and own.__cause__ is not None:
        own = own.__cause__
    return Cause(type(own).__name__, _message(own), here, own)


_CHAIN = "\n\nThe above exception was the direct cause of the following exception:\n\n"
_FRAME = re.compile(r'^\s*File "<program>", line (\d+), in (.+)$', re.M)
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*(?P<name>[A-Z]\w*)(?:: (?P<text>.*))?\Z", re.S)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _section(text: str) -> Cause | None:
    """One exception of a chain, as Ray prints it: a head line, indented frames, and the exception itself."""
    lines = _ANSI.sub("", text).rstrip().split("\n")
    indented = [i for i, line in enumerate(lines) if line.startswith("  ") or "ray::" in line]
    raised = "\n".join(lines[indented[-1] + 1 :] if indented else lines)
    while raised:
        match = _RAISED.match(raised)
        if match:
            text = (match.group("text") or "").split("\nFailed to apply UDF transform", 1)[0]
            if match.group("name") == "KeyError":
                text = _unquote(text)
            return Cause(match.group("name"), text, [(int(n), f) for n, f in _FRAME.findall("\n".join(lines))])
        raised = raised.partition("\n")[2]
    return None


def _unquote(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _is_remote(error: BaseException) -> bool:
    return any(c.__name__ == "RayTaskError" for c in type(error).__mro__)


def _is_wrapper(cause: Cause) -> bool:
    # Ray Data says "Failed to read CSV file" and leaves out why.
    return cause.name in _WRAPPERS or cause.text.startswith("Failed to read CSV file")


def _message(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    return str(error)


_BY_NAME = {
    "SourceError": "missing_data",
    **dict.fromkeys(("OutOfMemoryError", "ArrowMemoryError", "_ArrayMemoryError", "MemoryError", "ObjectStoreFullError"), "out_of_memory"),
    **dict.fromkeys(
        (
            "WorkerCrashedError",
            "NodeDiedError",
            "ActorDiedError",
            "ActorUnavailableError",
            "ObjectLostError",
            "OwnerDiedError",
            "LocalRayletDiedError",
            "RaySystemError",
        ),
        "lost_worker",
    ),
    "OutputLimitError": "policy",
}
_DENIED = re.compile(r"ACCESS_DENIED|AccessDenied|HTTP response code 403")
_NO_NAME = re.compile(r"name '(\w+)' is not defined|cannot access local variable '(\w+)'")
_NO_ATTRIBUTE = re.compile(r"(?:'(?P<type>[\w.]+)' object|module '(?P<module>[\w.]+)') has no attribute '(?P<name>\w+)'")


def classify(cause: Cause, columns: Sequence[str], names: list[str]) -> tuple[str, str, list[str]]:
    """The failure class, the wrong name and the nearest right ones."""
    if cause.name in _BY_NAME:
        return _BY_NAME[cause.name], "", []
    if isinstance(cause.error, PermissionError) or _DENIED.search(cause.text):
        return "denied", "", []
    wrong = _wrong_column(cause, columns)
    if wrong:
        return "unknown_column", wrong, nearest(wrong, columns)
    if cause.name in ("NameError", "UnboundLocalError"):
        match = _NO_NAME.search(cause.text)
        wrong = (match.group(1) or match.group(2)) if match else ""
        return ("unknown_name", wrong, nearest(wrong, names)) if wrong else ("code", "", [])
    if cause.name == "AttributeError" and isinstance(cause.error, AttributeError) and cause.error.name:
        near = nearest(cause.error.name, [n for n in _members(cause.error.obj) if not n.startswith("_")])
        return ("unknown_name", cause.error.name, near) if near else ("code", "", [])
    return "code", "", []


def _members(value: Any) -> list[str]:
    try:
        return dir(value)
    except Exception:
        return []


# How pandas, Arrow, polars and Ray Data say that there is no such column.
_COLUMN_TEXTS = tuple(
    re.compile(pattern, re.S)
    for pattern in (
        r"""No match for FieldRef\.Name\((?P<n>.+?)\)""",
        r"""[Ff]ield ["'](?P<n>[^"']+)["'] (?:does not exist|not found|was not found)""",
        r"""[Cc]olumns? ["'`](?P<n>[^"'`]+)["'`],? (?:is|are|was|were|does|do|not|could|cannot|in include_columns)""",
        r"""(?:unable to find column|not find column|[Cc]olumn not found:?) ["'`](?P<n>[^"'`]+)["'`]""",
        r"""\[?\[?["'](?P<n>[^'"]+)['"][^\]]*\]?(?: are| is)? not (?:found )?in (?:the )?(?:index|columns|axis|schema|dataset)""",
        r"""None of \[(?:Index\()?\[["'](?P<n>[^'"]+)['"]""",
        r"""columns expected but not found: \[["'](?P<n>[^'"]+)['"]""",
        r"""Missing column provided to '\w+': '?(?P<n>[^',]+)'?""",
        r"""(?:the )?(?:key|column) ["']?(?P<n>[^'"\s]+)["']?,? .{0,80}(?:schema|available columns)""",
        r"""specified the column '(?P<n>[^']+)', but there""",
        r"""key\(s\) \[["'](?P<n>[^'"]+)["']""",
    )
)
_SAYS_COLUMN = frozenset({"ArrowInvalid", "ArrowKeyError", "ArrowTypeError", "ValueError", "KeyError", "RuntimeError", "ComputeError"})


def _wrong_column(cause: Cause, columns: Sequence[str]) -> str:
    """The column that the program asked for and that no source has, or an empty text."""
    known = set(columns)
    if cause.name == "ColumnNotFoundError":
        quoted = re.search(r"""unable to find column ["'](?P<n>[^"']+)["']|^["']?(?P<m>[^\s"';]+)""", cause.text)
        return str(quoted.group("n") or quoted.group("m")) if quoted else ""
    if cause.name == "AttributeError":
        match = _NO_ATTRIBUTE.search(cause.text)
        frame = bool(match) and match is not None and match.group("type") in ("DataFrame", "Series", "Table", "pyarrow.lib.Table")
        return match.group("name") if match and frame and nearest(match.group("name"), columns) else ""
    if cause.name not in _SAYS_COLUMN:
        return ""
    for pattern in _COLUMN_TEXTS:
        match = pattern.search(cause.text)
        if match and match.group("n") not in known:
            return str(match.group("n"))
    # A KeyError's text is the key alone; of a dict it might be anything, so it must look like a column that exists or stand among rows.
    if cause.name == "KeyError" and columns and cause.text not in known and "\n" not in cause.text and len(cause.text) <= 200:
        return cause.text
    return ""


def _trace(cause: Cause) -> str:
    """A traceback of the program's frames only."""
    import linecache

    if not cause.frames:
        return ""
    lines = ["Traceback (most recent call last):"]
    for number, function in cause.frames:
        lines.append(f'  File "{PROGRAM}", line {number}, in {function}')
        source = linecache.getline(PROGRAM, number).strip()
        if source:
            lines.append(f"    {source}")
    lines.append(f"{cause.name}: {cause.text}" if cause.text else cause.name)
    raw = "\n".join(lines).encode("utf-8", "replace")
    return raw.decode() if len(raw) <= _MAX_TRACEBACK else "…" + raw[-(_MAX_TRACEBACK - 3) :].decode("utf-8", "ignore")
