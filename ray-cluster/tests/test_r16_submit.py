"""What Jobs.submit makes of a head's answers."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from runner import jobs

NO_AGENT = (500, "No available agent to submit job, please try again later.")


def submit(*answers: tuple[int, str]) -> int:
    """Submits to a head that gives these answers, the last one for ever; returns how often it was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((await request.json())["submission_id"])
        status, text = answers[min(len(asked), len(answers)) - 1]
        return web.Response(status=status, text=text)

    async def run() -> None:
        app = web.Application()
        app.add_routes([web.post("/api/jobs/", answer)])
        head = web.AppRunner(app)
        await head.setup()
        await web.TCPSite(head, "127.0.0.1", 0).start()
        try:
            await jobs.Jobs(f"http://127.0.0.1:{head.addresses[0][1]}", "").submit("one", "true", {})
        finally:
            await head.cleanup()

    asyncio.run(run())
    assert set(asked) == {"one"}
    return len(asked)


def test_r16_a_head_whose_agent_is_not_up_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_PAUSE_SECONDS", 0)
    assert submit(NO_AGENT, NO_AGENT, (200, "{}")) == 3


def test_r16_a_head_without_an_agent_is_an_error_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_AGENT_SECONDS", 0)
    with pytest.raises(jobs.JobsError, match="No available agent"):
        submit(NO_AGENT)


def test_r16_other_refusals_are_not_asked_again() -> None:
    with pytest.raises(jobs.JobsError, match="500: odd"):
        submit((500, "odd"), (200, "{}"))
    with pytest.raises(jobs.JobExistsError):
        submit((500, "Job one already exists."), (200, "{}"))
