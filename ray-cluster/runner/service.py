"""The runner protocol over HTTP/1.1: the same routes in a cell and on the cluster's head."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import web

from runner import failure, guard, logline
from runner.lease import Lease, same
from runner.protocol import MAX_BODY, BadRequestError, decode, encode_line, parse_run
from runner.runs import Registry, RunLog

EVENTS_SECONDS = 20.0


class Place(Protocol):
    """Where runs happen."""

    @property
    def ready(self) -> bool:
        """Whether a run can start at once."""

    @property
    def at_rest(self) -> bool:
        """Whether nothing runs and nothing is being made ready: the moment to freeze the place."""

    @property
    def concurrent(self) -> bool:
        """Whether several runs may be active at the same time."""

    @property
    def isolation(self) -> str:
        """What keeps programs apart from the rest, in a word."""

    async def start(self, log: RunLog) -> None:
        """Begins the run and sees to it that the log is finished, whatever happens."""

    async def stop(self, log: RunLog) -> None:
        """Ends the run; the log is finished when this returns."""


def _error(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


@web.middleware
async def _sentences(request: web.Request, handler: Any) -> web.StreamResponse:
    """Turns every refusal into {"error": sentence}."""
    try:
        response: web.StreamResponse = await handler(request)
    except BadRequestError as error:
        return _error(400, str(error))
    except web.HTTPRequestEntityTooLarge:
        return _error(413, "The body is larger than 4 MiB.")
    except web.HTTPException as error:
        return _error(error.status, f"{error.reason}: {request.method} {request.path}.")
    return response


class Service:
    """The routes over one place."""

    def __init__(self, place: Place, ray_version: str, *, token: str = "", lease: Lease | None = None) -> None:
        self._place = place
        self._ray = ray_version
        self._token = token
        self._lease = lease
        self._runs = Registry()
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self, more: Sequence[web.RouteDef] = ()) -> web.Application:
        """Builds the application, with more routes behind the same door."""
        door = self._authenticate if self._lease is None else self._lease.gate
        app = web.Application(client_max_size=MAX_BODY, middlewares=[_sentences, door])
        app.add_routes(
            [
                web.post("/runs", self._start),
                web.get("/runs/{id}", self._get),
                web.get("/runs/{id}/events", self._events),
                web.post("/runs/{id}/stop", self._stop),
                web.post("/check", self._check),
                web.get("/health", self._health),
                *more,
            ]
        )
        return app

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._token and not same(request.headers.get("Authorization", ""), f"Bearer {self._token}"):
            return _error(401, "This runner needs its bearer token.")
        response: web.StreamResponse = await handler(request)
        return response

    async def _start(self, request: web.Request) -> web.Response:
        run = parse_run(decode(await request.read()))
        async with self._starting:
            known = self._runs.get(run.run_id)
            if known is not None:
                return web.json_response(known.status())
            past = self._runs.past_state(run.run_id)
            if past is not None:
                return web.json_response({"run_id": run.run_id, "state": past})
            active = self._runs.active()
            if active and not self._place.concurrent:
                return _error(409, f"Run {active[0].run.run_id} is still running here; stop it or wait for its end.")
            log = self._runs.add(run)
        trace = logline.trace_id(request.headers.get("Traceparent"))
        logline.write("run accepted", run_id=run.run_id, trace_id=trace)
        task = asyncio.create_task(self._carry(log, trace))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.json_response(log.status(), status=202)

    async def _carry(self, log: RunLog, trace: str) -> None:
        try:
            await self._place.start(log)
        except Exception as error:
            log.add("log", {"stream": "raw", "text": f"runner: {error!r}\n"})
            log.finish("failed", failure.make("internal", type(error).__name__, "The runner could not carry out this run."))
        logline.write("run ended" if log.terminal else "run started", run_id=log.run.run_id, trace_id=trace)

    def _find(self, request: web.Request) -> RunLog:
        log = self._runs.get(request.match_info["id"])
        if log is None:
            raise web.HTTPNotFound(reason="There is no such run here")
        return log

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).status())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        log = self._find(request)
        text = request.query.get("after", "0")
        if not text.isascii() or not text.isdigit():
            raise BadRequestError("after must be a whole number from 0.")
        after = int(text)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        end = loop.time() + EVENTS_SECONDS
        while True:
            for event in log.events[after:]:
                await response.write(encode_line(event))
                after += 1
            if log.terminal and after >= len(log.events):
                break
            left = end - loop.time()
            if left <= 0 or not await log.wait(after, left):
                break
        await response.write_eof()
        return response

    async def _stop(self, request: web.Request) -> web.Response:
        log = self._find(request)
        await self._place.stop(log)
        return web.json_response(log.status())

    async def _check(self, request: web.Request) -> web.Response:
        body = decode(await request.read())
        if not isinstance(body, dict) or not isinstance(body.get("code"), str) or set(body) != {"code"}:
            raise BadRequestError('The body must be {"code": text}.')
        checked = guard.check(body["code"])
        return web.json_response({"ok": checked.failure is None, "failure": checked.failure})

    async def _health(self, request: web.Request) -> web.Response:
        told: dict[str, Any] = {
            "ready": self._place.ready,
            "at_rest": self._place.at_rest,
            "ray": self._ray,
            "python": platform.python_version(),
            "isolation": self._place.isolation,
        }
        if self._lease is not None:
            told["claimed"] = self._lease.claimed
        return web.json_response(told)
