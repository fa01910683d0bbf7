"""Loops that are sure never to end.

Only those are named that nobody could have meant: the time limit of a run is there for all others.
"""

from __future__ import annotations

import ast

_EXITS = frozenset({"exit", "quit", "sys.exit", "os._exit", "os.abort"})


def endless(loop: ast.While | ast.For, names: dict[str, str]) -> str:
    """Why a loop never ends, or an empty text."""
    if _leaves(loop.body, names):
        return ""
    if isinstance(loop, ast.While):
        return "its condition is always true" if _always(loop.test) else ""
    return "it runs over an endless iterator" if _endless(loop.iter, names) else ""


def excused(tree: ast.Module, names: dict[str, str]) -> set[int]:
    """Loops, by id, that end although nothing in them says so: those of threads, and those that an exception ends."""
    functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    threads = {n for call in _calls(tree) for n in _targets(call, names)}
    loops = {id(n) for f in functions if f.name in threads for n in _loops(f)}
    loops |= {id(n) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and _is_thread(c, names) for n in _loops(c)}
    caught = [s for node in ast.walk(tree) for s in _caught(node, names)]
    called = {_last(call.func) for statement in caught for call in _calls(statement)}
    ended = [*caught, *(f for f in functions if f.name in called)]
    return loops | {id(n) for part in ended for n in _loops(part) if _can_raise(n)}


def _loops(node: ast.AST) -> list[ast.While | ast.For]:
    return [n for n in ast.walk(node) if isinstance(n, (ast.While, ast.For))]


def _calls(node: ast.AST) -> list[ast.Call]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Call)]


def _last(node: ast.AST) -> str:
    """The name of `f` and of `self.f`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _targets(call: ast.Call, names: dict[str, str]) -> list[str]:
    """The functions that a thread is made of: the program does not wait for a daemon's end."""
    if dotted(call.func, names) not in ("threading.Thread", "threading.Timer"):
        return []
    return [_last(a) for a in [*call.args, *(k.value for k in call.keywords if k.arg in ("target", "function"))] if _last(a)]


def _is_thread(node: ast.ClassDef, names: dict[str, str]) -> bool:
    return any(dotted(base, names) == "threading.Thread" for base in node.bases)


def _caught(node: ast.AST, names: dict[str, str]) -> list[ast.stmt]:
    """The statements whose exceptions a try, or a suppress, catches."""
    if isinstance(node, ast.Try):
        kinds = [h.type for h in node.handlers]
        # Nobody presses Ctrl-C here.
        return node.body if any(k is None or dotted(k, names) != "KeyboardInterrupt" for k in kinds) else []
    if isinstance(node, (ast.With, ast.AsyncWith)):
        contexts = [i.context_expr for i in node.items]
        return node.body if any(isinstance(c, ast.Call) and dotted(c.func, names) == "contextlib.suppress" for c in contexts) else []
    return []


def _can_raise(loop: ast.While | ast.For) -> bool:
    """Whether something that can fail happens in a loop; print() is not such a thing."""
    parts = (n for statement in loop.body for n in ast.walk(statement))
    return any(
        isinstance(n, (ast.Subscript, ast.BinOp, ast.Await, ast.Delete)) or (isinstance(n, ast.Call) and _last(n.func) != "print")
        for n in parts
    )


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _always(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and not test.operand.value
    if isinstance(test, (ast.List, ast.Tuple, ast.Set)):
        return bool(test.elts)
    return False


def _endless(iterated: ast.expr, names: dict[str, str]) -> bool:
    if not isinstance(iterated, ast.Call):
        return False
    called = dotted(iterated.func, names)
    if called in ("enumerate", "map", "zip", "filter") and iterated.args:
        inner = iterated.args if called == "zip" else iterated.args[-1:] if called in ("map", "filter") else iterated.args[:1]
        return all(_endless(a, names) for a in inner)
    if called in ("itertools.count", "itertools.cycle"):
        return True
    if called == "itertools.repeat":
        return len(iterated.args) == 1 and not iterated.keywords
    if called == "iter" and len(iterated.args) == 2:
        callee, sentinel = iterated.args
        empty = {"int": 0, "float": 0.0, "str": "", "bool": False}
        name = callee.id if isinstance(callee, ast.Name) else ""
        return name in empty and isinstance(sentinel, ast.Constant) and sentinel.value != empty[name]
    return False


def _leaves(body: list[ast.stmt], names: dict[str, str], inner: bool = False) -> bool:
    """Whether something in a loop's body can end the loop. `inner`: the statements stand in a loop of their own."""
    return any(_leaves_by(node, names, inner) for node in body)


def _leaves_by(node: ast.AST, names: dict[str, str], inner: bool) -> bool:
    if isinstance(node, (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Assert)):
        return True
    if isinstance(node, ast.Break):
        return not inner
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
        return False
    if isinstance(node, ast.Call) and (dotted(node.func, names) in _EXITS or dotted(node.func, names) == "next"):
        return True
    if isinstance(node, (ast.While, ast.For)):
        return _leaves(node.body, names, True) or _leaves(node.orelse, names, inner)
    return any(_leaves_by(child, names, inner) for child in ast.iter_child_nodes(node))
