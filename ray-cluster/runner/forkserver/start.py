"""Starts a node's process: it becomes the fork server, and its one ordinary child serves. When either ends, all ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from runner.forkserver import preload, server

_ROOT = Path(__file__).resolve().parent.parent.parent


def environment(env: dict[str, str]) -> None:
    """Puts into the environment what Ray and its workers read of it, beside what the caller wants."""
    sys.executable = os.path.abspath(sys.executable)  # noqa: PTH100 - resolving the link would leave the virtual environment
    # RAY_JOB_ID and RAY_RAYLET_PID are read once, when Ray's library is loaded: here, for all children. Workers take the id of the
    # job whose task they get; the pid is only asked whether it lives.
    os.environ.update(env, PYTHONPATH=str(_ROOT), RAY_JOB_ID="ffffffff", RAY_RAYLET_PID=str(os.getpid()))


def run(serve: Callable[[Path], int], work: Path, *, imported: Callable[[], None], polite: bool = False) -> NoReturn:
    """Becomes the fork server and lets a child serve, which gets the server's socket; its status is this process's.

    imported is called when Ray is loaded, before the child is forked. polite passes SIGTERM on to the child: then it is the one
    that can end Ray in order.
    """
    sock = server.listen(work / "fork.sock")
    with preload.quiet_generator():
        import ray._private.node
        import ray._private.services  # noqa: F401
    imported()
    child = os.fork()
    if child == 0:
        server.prctl(server.PR_SET_PDEATHSIG, signal.SIGKILL)
        sock.close()
        os._exit(serve(work / "fork.sock"))
    if polite:
        signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(child, number))
    preload.load()
    sys.exit(server.Server(sock, child).serve())
