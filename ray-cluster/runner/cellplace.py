"""Runs in a cell: one at a time, each in a warm driver of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner import drivers, failure, memory
from runner.runs import RunLog


class CellPlace:
    """The place of a cell. Its Ray is started elsewhere and announced by `ray_started`."""

    concurrent = False

    def __init__(self, options: argparse.Namespace, fork_socket: Path | None) -> None:
        self._options = options
        self._forked = fork_socket is not None
        self._board = drivers.Switchboard(options.work / "drivers.sock")
        self._pool = drivers.Pool(self._launch, self._board.forget, options.drivers)
        self._node: Any = None
        self._has_ray = asyncio.Event()
        self._warm = False
        self._current: tuple[RunLog, drivers.Driver] | None = None
        self.isolation: str = options.isolation

    @property
    def ready(self) -> bool:
        """Whether a run can start at once."""
        return self._warm

    @property
    def at_rest(self) -> bool:
        """Whether no run is active and every driver is parked."""
        return self._warm and self._pool.full

    def ray_started(self, node: Any) -> None:
        """Takes Ray's node."""
        self._node = node
        self._has_ray.set()

    async def warm(self, mark: Callable[[str], None]) -> None:
        """Waits for Ray and parks the drivers. All of them: a cell that is ready is frozen, and should be at rest then."""
        await self._board.open()
        await self._has_ray.wait()
        for count in range(1, self._options.drivers + 1):
            await self._pool.wait(count)
            mark(f"driver_{count}")
        self._warm = True

    async def lost(self) -> None:
        """Returns when Ray's own processes have died: a cell without Ray is no cell."""
        while self._node.remaining_processes_alive():
            await asyncio.sleep(1)

    async def _launch(self) -> drivers.Driver:
        options = self._options
        arguments = [
            "--address",
            self._node.address,
            "--inbox",
            str(options.inbox),
            "--outbox",
            str(options.outbox),
            "--work",
            str(options.work),
            "--logs",
            str(Path(self._node.get_logs_dir_path())),
            "--warm",
            "--lean",
        ]
        return await drivers.launch(self._board, arguments, dict(os.environ), forked=self._forked)

    async def start(self, log: RunLog) -> None:
        """Carries out a run from hand-over to its end."""
        await self._has_ray.wait()
        driver = await self._pool.take()
        self._current = (log, driver)
        driver.raw = lambda text: log.add("log", {"stream": "raw", "text": text}, len(text))
        try:
            if not log.terminal:
                await self._follow(log, driver)
        finally:
            driver.kill()
            await driver.gone()
            self._board.forget(driver)
            if self._current is not None and self._current[0] is log:  # after a stop the next run may be here already
                self._current = None
            self._pool.release()

    async def _follow(self, log: RunLog, driver: drivers.Driver) -> None:
        """Limits are the program's: they begin when the driver begins with it, not while that is still warming up."""
        if not await drivers.hand_over(driver, asdict(log.run)):
            log.finish("failed", failure.lost(await driver.gone()))
            return
        watch = asyncio.create_task(memory.exceeded(log.run.limits.memory_bytes))
        work = asyncio.create_task(drivers.follow(driver, log.add))
        await asyncio.wait({work, watch}, timeout=log.run.limits.wall_seconds, return_when=asyncio.FIRST_COMPLETED)
        too_much = watch.done()
        watch.cancel()
        if not work.done():
            driver.kill()
            await driver.gone()
            work.cancel()
            if too_much:
                log.finish("failed", failure.too_much_memory(log.run.limits.memory_bytes))
            else:
                log.finish("timed_out", failure.timeout(log.run.limits.wall_seconds))
            return
        state = work.result()
        if state == "lost":
            log.finish("failed", failure.lost(await driver.gone()))
            return
        log.finish(state)

    async def stop(self, log: RunLog) -> None:
        """Ends a run at once."""
        current = self._current
        log.finish("stopped")  # first: otherwise the driver's death may be taken for a failure of the program
        if current is not None and current[0] is log:
            current[1].kill()
            await current[1].gone()
