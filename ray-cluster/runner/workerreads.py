"""The reads of a program's functions in workers: they are led to the sources as those of the program itself.

A worker serves several drivers in turn and starts before any run is known. So the driver leaves its run in Ray's key-value store under
its job, and a worker looks there at a function's first read.
"""

from __future__ import annotations

import builtins
import functools
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from runner import failure, hooks, led
from runner.protocol import Run, parse_run
from runner.sources import Bucket, Catalog, Inbox

_NAMESPACE = b"orcray-runs"


def _store() -> Any:
    from ray.experimental import internal_kv

    return internal_kv


def _job() -> str:
    import ray

    return str(ray.get_runtime_context().get_job_id())


def publish(run: Run, inbox: str, cpus: float) -> None:
    """In the driver: tells the workers of its job which sources there are."""
    body = {"run": asdict(replace(run, code="pass")), "inbox": inbox, "cpus": cpus}
    _store()._internal_kv_put(_job().encode(), json.dumps(body).encode(), namespace=_NAMESPACE)


def withdraw() -> None:
    """In the driver: forgets them, for a run may have brought credentials."""
    _store()._internal_kv_del(_job().encode(), namespace=_NAMESPACE)


class WorkerCatalog(Catalog):
    """The sources, as a worker sees them. Its other files are the program's own: functions write where they want to."""

    def own(self, path: Any) -> bool:
        """Whether it is a file of the worker's machine, and no source's name."""
        if not isinstance(path, (str, os.PathLike)) or "://" in str(path) or not Path(path).exists():
            return False
        try:
            self.find(path)
        except failure.SourceError:
            return True
        return False


@functools.lru_cache(maxsize=1)  # a worker that gets another job's work has forgotten the one before
def _of_job(job: str) -> Any:
    from runner import readers
    from runner.reads import Reads

    value = _store()._internal_kv_get(job.encode(), namespace=_NAMESPACE)
    if not value:
        raise LookupError(job)  # which is not remembered: its run may still come
    body = json.loads(value)
    run = parse_run(body["run"])
    access = Bucket(run.credentials) if run.credentials is not None else Inbox(Path(body["inbox"]))
    catalog = WorkerCatalog(run.sources, access)
    return Reads(catalog, run.run_id, functools.partial(readers.put_read, run.run_id), body["cpus"])


def current() -> Any:
    """What leads the reads of the function that runs now, or None."""
    import ray

    if not ray.is_initialized():
        return None
    try:
        return _of_job(_job())
    except LookupError:
        return None


def _open(original: Any, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    mine = sys._getframe(1).f_code.co_filename == failure.PROGRAM
    if mine and isinstance(mode, str) and not set(mode) & set("wax+") and isinstance(file, (str, os.PathLike)):
        reads = current()
        if reads is not None:
            return reads.open(original, file, mode, *args, **kwargs)
    return original(file, mode, *args, **kwargs)


def install() -> None:
    """In a worker: replaces the readers of each library as soon as it is imported, and open() for the program's functions."""
    hooks.install(dict.fromkeys(led.READERS, lambda module: led.install(module, current)))
    builtins.open = functools.partial(_open, builtins.open)  # type: ignore[assignment,unused-ignore]
