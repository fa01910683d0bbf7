"""Drivers as the service sees them: started, warmed and parked, handed a run, followed, killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.forkserver import client

_MAX_LINE = 16 << 20
_MAX_RAW = 1 << 20
_START_SECONDS = 120.0


@dataclass(eq=False)
class Driver:
    """One driver process."""

    key: str
    ready: asyncio.Future[dict[str, float]]
    process: asyncio.subprocess.Process | None = None
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    raw: Callable[[str], None] = lambda _text: None
    pumps: list[asyncio.Task[None]] = field(default_factory=list)
    raw_bytes: int = 0
    pid: int = 0  # of the driver itself, which leads a session of its own

    def kill(self) -> None:
        """Kills the process and its whole group. With the fork server, the group is the child's: the server kills it."""
        if self.process is None or self.process.returncode is not None:
            return
        for end in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self.process.pid, signal.SIGKILL)

    async def gone(self) -> int:
        """Waits for the end of the process; its status as a shell would say it (137: killed)."""
        assert self.process is not None
        code = await self.process.wait()
        await asyncio.gather(*self.pumps, return_exceptions=True)
        return 128 - code if code < 0 else code


class Switchboard:
    """The socket that drivers connect to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._expected: dict[str, Driver] = {}
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Starts to listen."""
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, self.path, limit=_MAX_LINE)
        self.path.chmod(0o600)

    def expect(self) -> Driver:
        """Prepares for a driver that will call itself by the returned one's key."""
        driver = Driver(secrets.token_hex(16), asyncio.get_running_loop().create_future())
        self._expected[driver.key] = driver
        return driver

    def forget(self, driver: Driver) -> None:
        """No longer waits for this driver."""
        self._expected.pop(driver.key, None)
        if driver.writer is not None:
            driver.writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = await _message(reader)
            driver = self._expected.pop(str((hello or {}).get("hello", "")), None)
            if driver is None:
                writer.close()
                return
            driver.reader, driver.writer = reader, writer
            driver.pid = _peer(writer)
            ready = await _message(reader)
            if ready is not None and not driver.ready.done():
                driver.ready.set_result(ready.get("ready", {}))
        except (OSError, ValueError):
            writer.close()


def _peer(writer: asyncio.StreamWriter) -> int:
    """The pid at the other end, as the kernel knows it."""
    sock = writer.get_extra_info("socket")
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", raw)[0]
    return pid


async def _message(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    try:
        line = await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


async def launch(board: Switchboard, arguments: list[str], env: dict[str, str], *, forked: bool) -> Driver:
    """Starts a driver process; `driver.ready` is set once it has joined Ray and can take a run."""
    driver = board.expect()
    root = Path(__file__).parent.parent
    how = [str(Path(client.__file__)), "--module"] if forked else ["-m"]
    command = [sys.executable, *how, "runner.driver", "--connect", str(board.path), "--key", driver.key, *arguments]
    driver.process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={**env, "PYTHONPATH": str(root)},
    )
    for stream in (driver.process.stdout, driver.process.stderr):
        assert stream is not None
        driver.pumps.append(asyncio.create_task(_pump(driver, stream)))
    return driver


async def _pump(driver: Driver, stream: asyncio.StreamReader) -> None:
    """Takes what the process writes past its program's screen; keeps 1 MiB of it and reads on, so that nothing ever blocks."""
    while data := await stream.read(64 << 10):
        driver.raw_bytes += len(data)
        if driver.raw_bytes <= _MAX_RAW:
            driver.raw(data.decode("utf-8", "replace"))


async def hand_over(driver: Driver, run: Any) -> bool:
    """Hands a run over and waits until the driver has begun with it; false when it ended first, or takes too long."""
    assert driver.reader is not None and driver.writer is not None
    try:
        async with asyncio.timeout(_START_SECONDS):
            driver.writer.write(json.dumps(run).encode() + b"\n")
            await driver.writer.drain()
            while (message := await _message(driver.reader)) is not None:
                if "began" in message:  # what comes before is of its warm-up
                    return True
    except (OSError, ValueError, asyncio.LimitOverrunError):  # TimeoutError is an OSError
        driver.kill()
    return False


async def follow(driver: Driver, event: Callable[[str, dict[str, Any], int], None]) -> str:
    """Passes the run's events on; returns succeeded, failed, or lost when the driver ended without a word."""
    assert driver.reader is not None
    while True:
        try:
            line = await driver.reader.readuntil(b"\n")
            message = json.loads(line)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            return "lost"
        if not isinstance(message, dict):
            return "lost"
        if message.get("done") in ("succeeded", "failed"):
            return str(message["done"])
        kind, data = message.get("event"), message.get("data")
        if kind in ("log", "progress", "read", "output", "failure") and isinstance(data, dict):
            event(kind, data, len(line))


class Pool:
    """Keeps warm drivers parked, `size` of them. Each runs one program: nothing of a program outlives its driver.

    They are warmed one after the other, and none is begun while a run is active. A run that finds one parked does not wait for a warm-up
    that has begun; one that finds none takes the driver that is being warmed, as it is.
    """

    def __init__(self, start: Callable[[], Awaitable[Driver]], forget: Callable[[Driver], None], size: int) -> None:
        self._start = start
        self._forget = forget
        self._size = size
        self._parked: list[Driver] = []
        self._busy = asyncio.Lock()
        self._running = 0
        self._filler: asyncio.Task[None] | None = None
        self._waiting = asyncio.Event()  # a run found no parked driver

    def fill(self) -> None:
        """Sees to it that drivers are warmed until `size` are parked."""
        if self._filler is None or self._filler.done():
            self._filler = asyncio.create_task(self._fill())

    @property
    def full(self) -> bool:
        """Whether no run is active and every driver is parked."""
        return not self._running and len(self._parked) >= self._size

    async def wait(self, count: int) -> None:
        """Waits until `count` drivers are parked."""
        async with self._busy:
            while len(self._parked) < count:
                self._parked.append(await self._warm())

    async def take(self) -> Driver:
        """Takes a parked driver, or the next one that can take a run; none is warmed until `release`."""
        self._running += 1
        if driver := self._living():
            return driver
        self._waiting.set()
        try:
            async with self._busy:
                return self._living() or await self._begin()
        except BaseException:
            self.release()
            raise
        finally:
            self._waiting.clear()

    def _living(self) -> Driver | None:
        while self._parked:
            driver = self._parked.pop(0)
            if driver.process is not None and driver.process.returncode is None:
                return driver
            self._forget(driver)
        return None

    def release(self) -> None:
        """Says that a run is over."""
        self._running -= 1
        self.fill()

    async def _fill(self) -> None:
        while True:
            async with self._busy:
                if self._running or len(self._parked) >= self._size:
                    return
                try:
                    self._parked.append(await self._warm())
                except (OSError, RuntimeError) as error:
                    print(f"runner: {error}", file=sys.stderr, flush=True)  # the next run tries again
                    return

    async def _begin(self) -> Driver:
        """Starts a driver that can take a run."""
        driver = await self._start()
        await self._expect(driver, "ready", asyncio.shield(driver.ready))
        return driver

    async def _warm(self) -> Driver:
        """Starts a driver that is warm, or as warm as it is when a run waits for it."""
        driver = await self._begin()
        assert driver.reader is not None
        await self._expect(driver, "warm", _message(driver.reader), self._waiting.wait())
        return driver

    async def _expect(self, driver: Driver, what: str, *events: Awaitable[Any]) -> None:
        """Waits for one of the events; without it, the driver is ended."""
        come = False
        try:
            come = await _within(_START_SECONDS, driver, *events)
        finally:
            if not come:
                driver.kill()
                self._forget(driver)
        if not come:
            raise RuntimeError(f"a driver did not become {what}")


async def _within(seconds: float, driver: Driver, *events: Awaitable[Any]) -> bool:
    """Waits until one of the events has come; false when the driver ended first, or time is up.

    Time is counted in slices: a cell that is frozen for an hour meanwhile loses one of them, not all.
    """
    exited = asyncio.create_task(driver.gone())
    waiting = [asyncio.ensure_future(e) for e in events]
    try:
        for _ in range(int(seconds)):
            done, _pending = await asyncio.wait({exited, *waiting}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return any(w.done() and w.exception() is None and w.result() is not None for w in waiting)
        return False
    finally:
        for task in (exited, *waiting):
            task.cancel()
        await asyncio.gather(exited, *waiting, return_exceptions=True)
