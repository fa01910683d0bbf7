"""Brings a program's ray.init calls to exactly one valid call, without moving a line.

Ray is running already when a program starts; what models write there (addresses, nested calls, several inits) can only do harm.
"""

from __future__ import annotations

import ast
import re

# Python's idea of a line; str.splitlines would also cut at form feeds and exotic separators.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
AGAIN = "_ray_is_up()"  # a name that the program gets: what ray.init gives back, once more
_VALID = "init(ignore_reinit_error=True)"


def normalise(code: str, tree: ast.Module) -> str:
    """Returns the program with one `ray.init(ignore_reinit_error=True)`; `tree` is the parsed program."""
    modules, functions = _aliases(tree)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _callee(node, modules, functions)]
    calls = _outermost(calls)
    if not calls:
        return _insert(code, tree)
    text = _Text(code)
    kept = _first_reached(calls, tree)
    alone = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in sorted(calls, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        name = ast.get_source_segment(code, node.func) or "ray.init"
        # Where the value of another call is used, it must be one that can be used like the first's.
        again = "None" if id(node) in alone else AGAIN
        text.replace(node, f"{name}(ignore_reinit_error=True)" if node is kept else again)
    return text.joined()


def _aliases(tree: ast.Module) -> tuple[set[str], set[str]]:
    modules, functions = {"ray"}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {a.asname for a in node.names if a.name == "ray" and a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "ray":
            functions |= {a.asname or a.name for a in node.names if a.name == "init"}
    return modules, functions


def _callee(node: ast.Call, modules: set[str], functions: set[str]) -> bool:
    func = node.func
    if isinstance(func, ast.Name):
        return func.id in functions
    return isinstance(func, ast.Attribute) and func.attr == "init" and isinstance(func.value, ast.Name) and func.value.id in modules


def _outermost(calls: list[ast.Call]) -> list[ast.Call]:
    inside = {id(inner) for call in calls for inner in ast.walk(call) if inner is not call}
    return [call for call in calls if id(call) not in inside]


def _first_reached(calls: list[ast.Call], tree: ast.Module) -> ast.Call:
    """The first call outside of any function, else the first of all."""
    functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))]
    deep = {id(inner) for function in functions for inner in ast.walk(function)}
    ordered = sorted(calls, key=lambda n: (n.lineno, n.col_offset))
    return next((c for c in ordered if id(c) not in deep), ordered[0])


def _insert(code: str, tree: ast.Module) -> str:
    """Adds the one call behind the first import, on its line, or before the first statement."""
    text = _Text(code)
    body = [n for n in tree.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) and isinstance(n.value.value, str))]
    future = [n for n in body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    imports = [n for n in body if isinstance(n, (ast.Import, ast.ImportFrom)) and n not in future]
    plain = [n for n in imports if isinstance(n, ast.Import) and any(a.name == "ray" and not a.asname for a in n.names)]
    if plain:
        text.after(plain[0], f"; ray.{_VALID}")
    elif imports or future:
        text.after((imports or future)[0] if imports else future[-1], f"; import ray; ray.{_VALID}")
    elif body and isinstance(body[0], (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Assert, ast.Delete, ast.Pass)):
        text.before(body[0], f"import ray; ray.{_VALID}; ")
    # What is left has no import and starts with a block: it cannot use Ray, and a new line would move every other.
    return text.joined()


class _Text:
    """A program as lines of bytes, because ast counts columns in UTF-8 bytes."""

    def __init__(self, code: str) -> None:
        self._lines = [line.encode("utf-8", "surrogatepass") for line in _LINES.findall(code)]

    def replace(self, node: ast.expr, new: str) -> None:
        """Puts `new` where the node stands and keeps the number of lines."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        head = self._lines[first][: node.col_offset]
        tail = self._lines[last][node.end_col_offset or 0 :]
        if first == last:
            self._lines[first] = head + new.encode() + tail
            return
        # The lines that the call spanned go on existing inside its parentheses.
        opened = new.encode()
        opened = opened[:-1] + b"\n" if opened.endswith(b")") else b"(" + opened + b"\n"
        self._lines[first] = head + opened
        for number in range(first + 1, last):
            self._lines[number] = b"\n"
        self._lines[last] = b")" + tail

    def after(self, node: ast.stmt, new: str) -> None:
        """Adds `new` directly behind a statement."""
        last = (node.end_lineno or node.lineno) - 1
        end = node.end_col_offset or 0
        self._lines[last] = self._lines[last][:end] + new.encode() + self._lines[last][end:]

    def before(self, node: ast.stmt, new: str) -> None:
        """Adds `new` directly before a statement."""
        line = self._lines[node.lineno - 1]
        self._lines[node.lineno - 1] = line[: node.col_offset] + new.encode() + line[node.col_offset :]

    def joined(self) -> str:
        """The program."""
        return b"".join(self._lines).decode("utf-8", "surrogatepass")
