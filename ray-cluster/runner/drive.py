"""Runs one program in this process and says through `emit` what came of it."""

from __future__ import annotations

import ast
import builtins
import contextlib
import linecache
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from runner import exceptions, failure, guard, hooks, initcall
from runner.capture import Screen, Stream
from runner.protocol import Run
from runner.reads import Reads
from runner.sources import Access, Catalog
from runner.writes import Folder, Writes

Emit = Callable[[str, dict[str, Any]], None]


class Stage:
    """All that a program has around it: its sources, its folder, its screen."""

    def __init__(self, run: Run, emit: Emit, access: Access, folder: Folder, outbox: Any, cpus: float) -> None:
        self.run = run
        self._emit = emit
        self.catalog = Catalog(run.sources, access)
        self.catalog.allow(Path(folder.local).resolve())
        self.screen = Screen(emit, outbox, run.limits)
        self._reads = Reads(self.catalog, run.run_id, lambda data: emit("read", data), cpus)
        self._writes = Writes(folder)

    before_finish: Callable[[], None] = staticmethod(lambda: None)  # the last look at worker logs before the outputs are closed

    def play(self) -> str:
        """Runs the program; returns succeeded or failed, with its failure event sent."""
        checked = guard.check(self.run.code)
        if checked.failure is not None:
            self._emit("failure", checked.failure)
            return "failed"
        self._install()
        names: dict[str, Any] = {}
        try:
            self._execute(checked.code, names)
            self._reads.flush()
            self.before_finish()
            self.screen.finish()
            self._reads.flush()
        except BaseException as error:
            return self._failed(error, names)
        return "succeeded"

    def _install(self) -> None:
        import ray

        from runner import progress  # Ray Data is loaded in the warm driver, not in everything that imports this module

        self._writes.install()
        progress.watch(lambda data: self._emit("progress", data))
        reads = self._reads.callbacks()

        def on_polars(polars: Any) -> None:
            reads["polars"](polars)
            self._writes.install_polars(polars)

        hooks.install({**reads, "polars": on_polars, "matplotlib.pyplot": self._on_pyplot})
        # Ray is up, and the program's Datasets are still to be shown when it has ended.
        ray.init = lambda *_, **__: Context()
        ray.shutdown = lambda *_, **__: None
        sys.stdout = Stream(self.screen, "stdout", 1)
        sys.stderr = Stream(self.screen, "stderr", 2)

    def _on_pyplot(self, pyplot: Any) -> None:
        pyplot.show = lambda *_, **__: self.screen.figures()

    def _execute(self, code: str, names: dict[str, Any]) -> None:
        linecache.cache[failure.PROGRAM] = (len(self.run.code), None, self.run.code.splitlines(True), failure.PROGRAM)
        tree = ast.parse(code, failure.PROGRAM)
        module = types.ModuleType("__main__")
        provided = {**vars(builtins), "open": self._open, "display": self._display}
        provided[initcall.AGAIN.removesuffix("()")] = Context
        module.__dict__.update(__builtins__=provided, __file__=failure.PROGRAM, display=self._display)
        names.update(module.__dict__)
        sys.modules["__main__"] = module
        last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if last is not None:
            tree.body.pop()
        try:
            exec(compile(tree, failure.PROGRAM, "exec"), module.__dict__)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), failure.PROGRAM, "eval"), module.__dict__)
                if value is not None and not _is_own_show(last.value):
                    self.screen.show(value)
        except SystemExit as stop:
            if stop.code not in (None, 0):
                raise
        finally:
            names.update(module.__dict__)

    def _open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """open() for the program: reading is led to sources, writing happens in the run's folder."""
        if isinstance(mode, str) and set(mode) & set("wax+"):
            return self._writes.open(file, mode, *args, **kwargs)
        return self._reads.open(builtins.open, self._writes.written(file), mode, *args, **kwargs)

    def _display(self, *items: Any, **_options: Any) -> None:
        for item in items:
            self.screen.show(item)

    def _failed(self, error: BaseException, names: dict[str, Any]) -> str:
        with contextlib.suppress(Exception):
            self.before_finish()
        with contextlib.suppress(Exception):
            self.screen.figures()
        with contextlib.suppress(Exception):
            self.screen.rest()
        with contextlib.suppress(Exception):
            self._reads.flush()
        known = [*self._columns(), *_columns_of(names)]
        usable = [n for n in [*names, *dir(builtins), "display"] if not n.startswith("__")]
        told = exceptions.describe(error, columns=list(dict.fromkeys(known)), names=usable)
        if told["name"] == "FileNotFoundError":  # a reader that nobody leads, here or in a worker
            told = {**told, **failure.make("missing_data", told["name"], f"{told['value']} {self.catalog.listing()}")}
        self._emit("failure", told)
        return "failed"

    def _columns(self) -> list[str]:
        return self.catalog.columns


class Context:
    """What ray.init gives back to a program."""

    dashboard_url = ""
    address_info: ClassVar[dict[str, str]] = {}

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __getitem__(self, name: str) -> str:
        return self.address_info[name]

    def disconnect(self) -> None:
        """Ray stays: the program's Datasets are still to be shown."""


def _columns_of(names: dict[str, Any]) -> list[str]:
    """Columns of the frames that the program had made, which are as real as those of its sources."""
    found: list[str] = []
    for value in names.values():
        if type(value).__name__ == "DataFrame":
            with contextlib.suppress(Exception):
                found += [str(c) for c in value.columns]
    return found


def _is_own_show(node: ast.expr) -> bool:
    """Whether the last expression is a call whose value nobody wants to see: plt.title("x") gives an object back."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    root = node.func.value
    return isinstance(root, ast.Name) and root.id in ("plt", "pyplot", "ax", "fig", "axes")


def scratch(work: Path, run_id: str) -> Path:
    """A run's scratch folder."""
    folder = work / "scratch" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class LocalOutbox:
    """Outputs as files in a folder; names are relative to the outbox."""

    def __init__(self, root: Path, run_id: str) -> None:
        self._folder = root / run_id
        self._folder.mkdir(parents=True, exist_ok=True)
        self._run_id = run_id

    def create(self, name: str) -> Any:
        """Opens a new file. Exclusively: a program cannot plant a link in its place."""
        fd = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        return os.fdopen(fd, "wb")

    def ref(self, name: str) -> str:
        """The name in the outbox."""
        return f"{self._run_id}/{name}"
