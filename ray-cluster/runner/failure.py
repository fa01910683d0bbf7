"""The Failure of the protocol: what is sent when something goes wrong, and the sentences for it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

PROGRAM = "<program>"
_MAX_VALUE = 2 << 10


class SourceError(FileNotFoundError):
    """A read of something that is not a selected source; the text lists the sources.

    It is what Python raises for a file that is not there, so that a program's own `except OSError` takes it.
    """


class OutputLimitError(Exception):
    """A program showed more outputs than it may."""


def make(kind: str, name: str, value: str, **more: Any) -> dict[str, Any]:
    """Builds the data of a failure event; empty fields are left out."""
    data: dict[str, Any] = {"class": kind, "name": name, "value": _cut(value, _MAX_VALUE)}
    data.update({k: v for k, v in more.items() if v})
    return data


def nearest(wrong: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names most like `wrong`, best first: the same but for case and punctuation, then close in spelling, then containing it."""
    pool = sorted({n for n in names if n and n != wrong})
    bare = _bare(wrong)
    found = [n for n in pool if _bare(n) == bare]
    by_bare: dict[str, list[str]] = {}
    for name in pool:
        by_bare.setdefault(_bare(name), []).append(name)
    for close in difflib.get_close_matches(bare, list(by_bare), n=most, cutoff=0.6):
        found += by_bare[close]
    if len(bare) >= 3:
        found += [n for n in pool if bare in _bare(n)]
    return list(dict.fromkeys(found))[:most]


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _cut(text: str, most: int) -> str:
    raw = text.encode("utf-8", "replace")
    return raw.decode() if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore") + "…"


def timeout(seconds: float) -> dict[str, Any]:
    """A run that reached its wall limit."""
    return make("timeout", "TimeLimit", f"The program was stopped because it ran longer than {seconds:g} seconds.")


def too_much_memory(limit: int) -> dict[str, Any]:
    """A run whose processes together went beyond their memory limit."""
    return make("out_of_memory", "MemoryLimit", f"The program was stopped because it used more than {limit / (1 << 20):.0f} MiB of memory.")


def lost(status: int) -> dict[str, Any]:
    """A driver that ended without a word."""
    if status in (137, 9):
        return make("out_of_memory", "ProcessKilled", "The program was ended by the system, most likely because it used too much memory.")
    return make("lost_worker", "ProcessLost", f"The process of the program ended unexpectedly (status {status}).")
