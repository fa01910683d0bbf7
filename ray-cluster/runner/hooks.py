"""Calls back when a program first imports a module: polars and matplotlib cost time, and only programs that use them should pay."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any


def install(callbacks: dict[str, Callable[[Any], None]]) -> None:
    """Calls each callback with its module as soon as that is imported completely; at once if it already is."""
    waiting = dict(callbacks)
    original = builtins.__import__

    def ready() -> None:
        for name in list(waiting):
            module = sys.modules.get(name)
            if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
                waiting.pop(name)(module)

    def importing(*args: Any, **kwargs: Any) -> Any:
        module = original(*args, **kwargs)
        if waiting:
            ready()
        return module

    ready()
    builtins.__import__ = importing  # type: ignore[assignment,unused-ignore]
