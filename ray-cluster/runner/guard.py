"""Looks at a program before it runs: a gate for quality, not the boundary (the sandbox is).

It finds what is sure to fail or never to end, so that nobody waits for it, and brings ray.init to exactly one valid call. Lines keep
their numbers, so every later error points at the lines the author knows.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runner import failure, loops
from runner.initcall import normalise

MAX_CODE = 1 << 20

# What a program never needs, because its data comes through its sources; each with the reason a person reads.
_FORBIDDEN_MODULES = {
    "subprocess": "programs cannot start other programs",
    "multiprocessing": "use Ray to run things at the same time",
    "pty": "programs cannot start other programs",
    "ctypes": "native code is not available",
    "cffi": "native code is not available",
    "socket": "there is no network",
    "requests": "there is no network",
    "urllib3": "there is no network",
    "urllib.request": "there is no network",
    "http.client": "there is no network",
    "ftplib": "there is no network",
    "smtplib": "there is no network",
    "aiohttp": "there is no network",
    "boto3": "sources are read by their address; no AWS client is needed",
    "botocore": "sources are read by their address; no AWS client is needed",
    "awswrangler": "sources are read by their address; no AWS client is needed",
}
_FORBIDDEN_CALLS = frozenset(
    f"os.{name}"
    for name in (
        "system",
        "popen",
        "fork",
        "forkpty",
        "kill",
        "killpg",
        "execv",
        "execve",
        "execvp",
        "execl",
        "execlp",
        "posix_spawn",
        "spawnl",
        "spawnv",
        "spawnlp",
        "spawnvp",
    )
)


@dataclass(frozen=True)
class Checked:
    """A program as it will run, or why it will not."""

    code: str
    failure: dict[str, Any] | None = None


def check(code: str) -> Checked:
    """Checks a program and brings its ray.init into order."""
    size = len(code.encode("utf-8", "surrogatepass"))
    if not code.strip():
        return Checked(code, failure.make("code", "EmptyProgram", "The program is empty."))
    if size > MAX_CODE:
        return Checked(code, failure.make("policy", "ProgramTooLarge", f"The program has {size} bytes; at most 1 MiB is allowed."))
    try:
        tree = ast.parse(code, failure.PROGRAM)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Checked(code, _syntax(error))
    found = next(_findings(tree), None)
    return Checked(code, found) if found else Checked(normalise(code, tree))


def _syntax(error: BaseException) -> dict[str, Any]:
    if isinstance(error, SyntaxError):
        return failure.make(
            "code",
            type(error).__name__,
            error.msg or "invalid syntax",
            line=error.lineno or 0,
            column=error.offset or 0,
            traceback=(error.text or "").rstrip()[:400],
        )
    return failure.make("code", type(error).__name__, f"The program cannot be parsed: {error}")


def _findings(tree: ast.Module) -> Iterator[dict[str, Any]]:
    names = _imported(tree)
    guarded = _guarded_imports(tree)
    excused = loops.excused(tree, names)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _import(node, guarded)
        elif isinstance(node, ast.Call):
            called = loops.dotted(node.func, names)
            if called in _FORBIDDEN_CALLS:
                yield _at("policy", "ForbiddenCall", f"{called} is not allowed: programs cannot start or end other programs.", node)
        elif isinstance(node, (ast.While, ast.For)) and id(node) not in excused and (why := loops.endless(node, names)):
            yield _at("code", "EndlessLoop", f"This loop never ends: {why}, and nothing in it leaves it.", node)


def _at(kind: str, name: str, value: str, node: ast.stmt | ast.expr, **more: Any) -> dict[str, Any]:
    return failure.make(kind, name, value, line=node.lineno, column=node.col_offset + 1, **more)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: {"np": "numpy", "count": "itertools.count"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _guarded_imports(tree: ast.Module) -> set[ast.AST]:
    """Imports inside a try with handlers: whoever wrote them expects them to fail."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and node.handlers
        for statement in node.body
        for inner in ast.walk(statement)
    }


def _import(node: ast.Import | ast.ImportFrom, guarded: set[ast.AST]) -> Iterator[dict[str, Any]]:
    if isinstance(node, ast.ImportFrom):
        if node.level or not node.module:
            yield _at("code", "ImportError", "A program has no package: relative imports do not work.", node)
            return
        modules = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
    else:
        modules = [a.name for a in node.names]
    for module in modules:
        for name, reason in _FORBIDDEN_MODULES.items():
            if module == name or module.startswith(name + "."):
                yield _at("policy", "ForbiddenImport", f"import {name} is not allowed: {reason}.", node, wrong=name)
                return
    tops = [modules[0]] if isinstance(node, ast.ImportFrom) else modules
    for top in (m.split(".")[0] for m in tops):
        if node not in guarded and top not in _installed():
            near = failure.nearest(top, _installed())
            kind = "unknown_name" if near else "code"
            yield _at(kind, "ModuleNotFoundError", f"There is no module {top!r} here.", node, wrong=top, nearest=near)


@functools.cache
def _installed() -> frozenset[str]:
    names = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions())
    return frozenset(n for n in names if n.isidentifier())
