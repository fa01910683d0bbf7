"""What a run on the cluster makes of a head's answers to its job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from runner import clusterplace, jobs
from runner.protocol import Run
from runner.runs import RunLog
from tests.client import remove, short_folder

NO_AGENT = (500, "No available agent to submit job, please try again later.")


class Head:
    """A head that gives these answers to a submission, the last one for ever."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers, self.asked, self.stops = answers, 0, 0
        self.status = "RUNNING"
        self.first = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def submit(self, request: web.Request) -> web.Response:
        assert (await request.json())["submission_id"] == "one"
        self.asked += 1
        self.first.set()
        await self.may_answer.wait()
        status, text = self.answers[min(self.asked, len(self.answers)) - 1]
        return web.Response(status=status, text=text)

    async def stop(self, _: web.Request) -> web.Response:
        self.stops += 1
        if not self.may_answer.is_set():  # Ray does not know the job yet
            self.may_answer.set()
            return web.Response(status=404)
        self.status = "STOPPED"
        return web.json_response({"stopped": True})

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"ray_version": "2.60.0"})

    async def info(self, _: web.Request) -> web.Response:
        return web.json_response({"status": self.status})


def with_head(check: Callable[[Head, jobs.Jobs], Awaitable[None]], *answers: tuple[int, str]) -> None:
    async def run() -> None:
        head = Head(*answers)
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/jobs/", head.submit),
                web.post("/api/jobs/one/stop", head.stop),
                web.get("/api/jobs/one", head.info),
                web.get("/api/version", head.version),
            ]
        )
        served = web.AppRunner(app)
        await served.setup()
        await web.TCPSite(served, "127.0.0.1", 0).start()
        try:
            async with asyncio.timeout(20):
                await check(head, jobs.Jobs(f"http://127.0.0.1:{served.addresses[0][1]}", ""))
        finally:
            await served.cleanup()

    asyncio.run(run())


async def submit(to: jobs.Jobs) -> bool:
    return await to.submit("one", "true", {}, lambda: True)


def test_r16_a_head_whose_agent_is_not_up_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_PAUSE_SECONDS", 0)

    async def check(head: Head, to: jobs.Jobs) -> None:
        assert await submit(to) and head.asked == 3

    with_head(check, NO_AGENT, NO_AGENT, (200, "{}"))


def test_r16_a_head_without_an_agent_is_an_error_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_AGENT_SECONDS", 0)

    async def check(head: Head, to: jobs.Jobs) -> None:
        with pytest.raises(jobs.JobsError, match="No available agent"):
            await submit(to)
        assert head.asked == 1

    with_head(check, NO_AGENT)


def test_r16_other_refusals_are_not_asked_again() -> None:
    async def check(head: Head, to: jobs.Jobs) -> None:
        with pytest.raises(jobs.JobsError, match="500: odd"):
            await submit(to)
        with pytest.raises(jobs.JobExistsError):
            await submit(to)
        assert head.asked == 2

    with_head(check, (500, "odd"), (500, "Job one already exists."))


async def stopped(head: Head, to: jobs.Jobs) -> RunLog:
    """Stops a run while Ray is being asked to start it."""
    folder, log = short_folder(), RunLog(Run("one", "1 + 1", "execute"))
    try:
        place = clusterplace.ClusterPlace(to, folder, gcs="", forked=False)
        await place.open()
        run = asyncio.create_task(place.start(log))
        await head.first.wait()
        assert not place.at_rest
        await place.stop(log)
        await run
        assert place.at_rest
    finally:
        remove(folder)
    return log


def test_r19_a_run_that_is_stopped_while_the_head_has_no_agent_is_never_started() -> None:
    async def check(head: Head, to: jobs.Jobs) -> None:
        log = await stopped(head, to)
        assert log.state == "stopped" and head.asked == 1

    with_head(check, NO_AGENT, (200, "{}"))


def test_r19_a_run_that_is_stopped_before_ray_knows_its_job_is_stopped_once_it_does() -> None:
    async def check(head: Head, to: jobs.Jobs) -> None:
        head.may_answer.clear()
        log = await stopped(head, to)
        assert log.state == "stopped" and head.status == "STOPPED" and head.stops == 2

    with_head(check, (200, "{}"))
