"""Imports what workers, agents and drivers need, without using Ray's random generator.

Ray's C++ generator is seeded at its first use. Were it used before a fork, every child would draw the same "random" ids, and
workers would die of objects that seem to exist already. The only user at import time is the class id that a decorated actor
class gets; here such ids come from the operating system instead.
"""

import contextlib
import gc
import importlib
import os
from collections.abc import Iterator
from typing import Any

# What a first Ray Data task would otherwise import. Optional: a name that a release of Ray moved costs time, nothing else.
MODULES = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.csv",
    "pyarrow.json",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "pyarrow.compute",
    "ray.data",
    "ray._private.node",
    "ray._private.parameter",
    "ray._private.workers.default_worker",
    "ray.data._internal.planner",
    "ray.data._internal.stats",
    "ray.data._internal.execution.streaming_executor",
    "ray.data._internal.execution.operators.map_operator",
    "ray.data._internal.execution.operators.hash_shuffle",
    "ray.data._internal.execution.operators.hash_aggregate",
    "ray.data._internal.execution.operators.join",
    "ray.data._internal.execution.operators.sort_shuffle",
    "ray.data._internal.execution.operators.shuffle_operators.shuffle_tasks",
    "ray.data.datasource",
    "polars",
    "runner.driver",
    "runner.drive",
    "runner.readers",
    "runner.places",
    "runner.workers",
    "runner.workerreads",
    "runner.reads",
)


class _ClassIDs:
    """Gives actor classes ids from the operating system."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __call__(self, *args: Any) -> Any:
        return self._real(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def from_random(self) -> Any:
        return self._real(os.urandom(self._real.size()))


@contextlib.contextmanager
def quiet_generator() -> Iterator[None]:
    """While it lasts, decorating an actor class draws nothing from Ray's generator."""
    actor: Any = importlib.import_module("ray.actor")
    real = actor.ActorClassID
    actor.ActorClassID = _ClassIDs(real)
    try:
        yield
    finally:
        actor.ActorClassID = real


def load() -> list[str]:
    """Imports everything; returns the names that could not be imported."""
    missing = []
    with quiet_generator():
        for name in MODULES:
            try:
                importlib.import_module(name)
            except ImportError:
                missing.append(name)
    gc.collect()
    gc.freeze()  # children share these pages: a collection in a child must not touch them
    return missing
