"""Runs on the cluster: each is a job of the Ray Jobs API whose submission id is the run's id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import aiohttp

from runner import drivers, failure
from runner.forkserver import client
from runner.jobs import TERMINAL, JobExistsError, Jobs, JobsError
from runner.runs import RunLog

_POLL_SECONDS = 0.2
_UNHEARD_SECONDS = 10.0
_STATES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "STOPPED": "stopped"}


class ClusterPlace:
    """The place of a cluster's head. Drivers run beside this process, as Ray places them there by default."""

    concurrent = True

    def __init__(self, jobs: Jobs, work: Path, *, gcs: str, forked: bool, isolation: str = "") -> None:
        self._jobs = jobs
        self._work = work
        self._gcs = gcs
        self._forked = forked
        self._board = drivers.Switchboard(work / "drivers.sock")
        self._ready = False
        self._wanted: dict[str, str] = {}
        self._drivers: dict[str, drivers.Driver] = {}
        self.isolation: str = isolation
        self.ray_version = ""

    @property
    def ready(self) -> bool:
        """Whether the Jobs API answers."""
        return self._ready

    @property
    def at_rest(self) -> bool:
        """Whether no run is active."""
        return self._ready and not self._drivers

    async def open(self) -> None:
        """Waits until the Jobs API answers."""
        await self._board.open()
        while not (version := await self._jobs.version()):
            await asyncio.sleep(_POLL_SECONDS)
        self.ray_version = version
        self._ready = True

    async def start(self, log: RunLog) -> None:
        """Submits the job, hands the run to its driver, and follows the job to a terminal state."""
        run_id = log.run.run_id
        driver = self._drivers[run_id] = self._board.expect()
        try:
            if await self._submit(log, driver):
                await self._carry(log, driver)
        finally:
            self._board.forget(driver)
            self._wanted.pop(run_id, None)
            self._drivers.pop(run_id, None)

    async def _submit(self, log: RunLog, driver: drivers.Driver) -> bool:
        """Has Ray start the job; False when the run has ended without it."""
        run_id = log.run.run_id
        entrypoint, metadata = self._entrypoint(driver.key), {"orcray_mode": log.run.mode}
        submitted = False
        try:
            submitted = await self._jobs.submit(run_id, entrypoint, metadata, lambda: run_id not in self._wanted)
        except JobExistsError:
            await self._adopt(log)
            return False
        except (JobsError, aiohttp.ClientError, TimeoutError) as error:
            log.add("log", {"stream": "raw", "text": f"Ray Jobs API: {error}\n"})
            if run_id not in self._wanted:
                log.finish("failed", failure.make("internal", "JobNotStarted", "Ray did not start the job."))
                return False
        if run_id not in self._wanted:
            return True
        if submitted:  # the stop found no job: Ray was still being asked for it
            self._board.forget(driver)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await self._jobs.stop(run_id)
            await self._ended(run_id)
        self._finish(log, self._wanted[run_id])
        return False

    def _entrypoint(self, key: str) -> str:
        how = [str(Path(client.__file__)), "--module"] if self._forked else ["-m"]
        return shlex.join(
            [
                sys.executable,
                *how,
                "runner.driver",
                "--connect",
                str(self._board.path),
                "--key",
                key,
                "--work",
                str(self._work),
                "--inbox",
                str(self._work / "inbox"),
                "--outbox",
                str(self._work / "outbox"),
                # Left to itself, Ray's job supervisor searches the machine's processes for an address.
                *(["--address", self._gcs] if self._gcs else []),
            ]
        )

    async def _carry(self, log: RunLog, driver: drivers.Driver) -> None:
        run_id = log.run.run_id
        work = asyncio.create_task(self._drive(log, driver))
        ended = asyncio.create_task(self._ended(run_id))
        deadline = log.run.limits.wall_seconds
        await asyncio.wait({work, ended}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
        timed_out = not work.done() and not ended.done()
        if timed_out:
            self._wanted[run_id] = "timed_out"
            await self._end(run_id, driver)
        elif not ended.done():  # the driver has said its last word; Ray's follows in a moment
            await asyncio.wait({ended}, timeout=_UNHEARD_SECONDS)
            if not ended.done() and work.result() == "lost":  # it goes on, and nobody hears it or keeps its limit
                self._wanted[run_id] = "failed"
                await self._end(run_id, driver)
        state = await ended
        if not work.done():  # what the driver sent before it ended is on its way
            await asyncio.wait({work}, timeout=5)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        self._finish(log, self._wanted.get(run_id) or _STATES.get(state, "failed"))

    def _finish(self, log: RunLog, state: str) -> None:
        told = any(e["type"] == "failure" for e in log.events)
        if state == "timed_out":
            log.finish(state, failure.timeout(log.run.limits.wall_seconds))
        elif state == "failed" and not told:
            log.finish(state, failure.lost(1))
        else:
            log.finish(state)

    async def _drive(self, log: RunLog, driver: drivers.Driver) -> str:
        await driver.ready
        return await drivers.follow(driver, log.add) if await drivers.hand_over(driver, asdict(log.run)) else "lost"

    async def _ended(self, run_id: str) -> str:
        """Follows the job to a terminal state of Ray."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, JobsError):
                info = await self._jobs.info(run_id)
                status = str((info or {}).get("status", "FAILED"))
                if status in TERMINAL:
                    return status
            await asyncio.sleep(_POLL_SECONDS)

    async def _end(self, run_id: str, driver: drivers.Driver | None) -> None:
        """Stops the job on Ray; the driver is then killed at once, because Ray asks politely for three seconds."""
        await self._jobs.stop(run_id)
        if driver is not None and driver.pid:
            await asyncio.sleep(_POLL_SECONDS)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(driver.pid, signal.SIGKILL)

    async def _adopt(self, log: RunLog) -> None:
        """Ray has had this job before this runner knew it: its events are gone, its end is still true."""
        state = _STATES.get(await self._ended(log.run.run_id), "failed")
        if state == "succeeded":
            log.finish("failed", failure.make("internal", "EventsLost", "The job ran; its results were lost as the runner restarted."))
        else:
            self._finish(log, state)

    async def stop(self, log: RunLog) -> None:
        """Stops the run's job and waits for its end."""
        if log.terminal:
            return
        run_id = log.run.run_id
        self._wanted[run_id] = "stopped"
        await self._end(run_id, self._drivers.get(run_id))
        while not log.terminal:
            await log.wait(len(log.events), _POLL_SECONDS)
