"""The fork server: one thread, everything imported, a fork for every request.

Every child gets its own session, because Ray ends a dead worker's whole process group. The server is a child subreaper: whatever a
program leaves behind becomes the server's child, is not in its table, and is killed.
"""

import array
import contextlib
import ctypes
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_MAX_REQUEST = 1 << 20


def prctl(option: int, value: int) -> None:
    """Calls prctl(2); a kernel that refuses is no reason to stop."""
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def listen(path: Path) -> socket.socket:
    """Opens the server's socket; requests may wait there while the server is still importing."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    path.chmod(0o600)
    sock.listen(256)
    return sock


def _receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    sock.settimeout(5)
    head, ancillary, _, _ = sock.recvmsg(4, socket.CMSG_LEN(12))
    fds: array.array[int] = array.array("i")
    for _level, _kind, data in ancillary:
        fds.frombytes(data)
    size = int.from_bytes(head, "big")
    if len(head) != 4 or size > _MAX_REQUEST:
        raise ValueError("not a request")
    body = b""
    while len(body) < size:
        part = sock.recv(size - len(body))
        if not part:
            raise EOFError
        body += part
    sock.settimeout(None)
    return json.loads(body), list(fds)


def _become(request: dict[str, Any], fds: list[int]) -> None:
    """In the child: takes over stdio, environment and directory, and runs what was asked for."""
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    for fd in fds:
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = list(request["argv"])
    import random

    import numpy

    random.seed()
    numpy.random.seed()
    if "module" in request:
        importlib.import_module(request["module"]).main()
        return
    sys.path.insert(0, os.path.dirname(request["script"]))  # noqa: PTH120 - as the interpreter itself would
    runpy.run_path(request["script"], run_name="__main__")


def _run_child(request: dict[str, Any], fds: list[int]) -> int:
    try:
        _become(request, fds)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


class Server:
    """Accepts requests on `sock` until its parent's wish (SIGTERM) or the end of `keeper`, the process it lives for."""

    def __init__(self, sock: socket.socket, keeper: int) -> None:
        self._sock = sock
        self._keeper = keeper
        self._children: dict[int, socket.socket] = {}
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self._wake, False)

    def serve(self) -> int:
        """Serves; returns the exit status of the keeper."""
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        signal.set_wakeup_fd(self._waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            watched: list[Any] = [self._sock, self._wake, *self._children.values()]
            ready, _, _ = select.select(watched, [], [])
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
                status = self._reap()
                if status is not None:
                    return status
            for pid, conn in list(self._children.items()):
                if conn in ready:
                    self._command(pid, conn)
            if self._sock in ready:
                self._accept()

    def _accept(self) -> None:
        conn, _ = self._sock.accept()
        try:
            request, fds = _receive(conn)
        except (OSError, ValueError, EOFError):
            conn.close()
            return
        pid = os.fork()
        if pid == 0:
            self._leave(conn)
            code = _run_child(request, fds)
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
        for fd in fds:
            os.close(fd)
        self._children[pid] = conn
        try:
            conn.sendall(b"+")
        except OSError:
            self._kill(pid)

    def _leave(self, conn: socket.socket) -> None:
        """In the child: drops everything that is the server's own."""
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(self._wake)
        os.close(self._waker)
        self._sock.close()
        conn.close()
        for other in self._children.values():
            other.close()

    def _command(self, pid: int, conn: socket.socket) -> None:
        """A byte from the client is a signal to pass on; its end means that Ray has killed the client."""
        try:
            data = conn.recv(16)
        except OSError:
            data = b""
        if not data:
            self._kill(pid)
            return
        for number in data:
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(pid, number)

    def _kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        self._forget(pid)

    def _forget(self, pid: int) -> None:
        conn = self._children.pop(pid, None)
        if conn is not None:
            conn.close()

    def _reap(self) -> int | None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 1
            if pid == 0:
                break
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                code = 128 - code  # as a shell says that a signal ended it
            if pid == self._keeper:
                return code
            conn = self._children.get(pid)
            if conn is not None:
                with contextlib.suppress(OSError):
                    conn.sendall(bytes([code]))
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)  # what it left in its own group
            self._forget(pid)
        self._sweep()
        return None

    def _sweep(self) -> None:
        """Kills what programs left behind: children that nobody asked for."""
        try:
            pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        except OSError:
            return
        for text in pids:
            pid = int(text)
            if pid != self._keeper and pid not in self._children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
