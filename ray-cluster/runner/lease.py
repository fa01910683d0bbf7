"""Who may use a cell that is reached over the network: whoever claims it first, and nobody else until it ends.

The task that a cell runs in holds no secret: its lessee brings a random token. Before the claim there is nothing in the cell to protect,
and no program runs in it. Afterwards every request needs the token, but for `/health`, which tells nothing and which the container's
own health check asks.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from runner.protocol import BadRequestError, decode

MIN_TOKEN, MAX_TOKEN = 32, 256
_OPEN = frozenset({("GET", "/health"), ("POST", "/claim")})


def same(given: str, wanted: str) -> bool:
    """Compares secrets without telling by the time it takes how much of them is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


async def _answer(handler: Any, request: web.Request) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    return response


class Lease:
    """The claim of a cell. `quiet` is after how many seconds without a request of the lessee the lease is over; 0: never."""

    def __init__(self, quiet: float, ready: Callable[[], bool], now: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._ready = ready
        self._now = now
        self._token = ""
        self._active = 0
        self._heard = 0.0
        self._ended = asyncio.Event()

    @property
    def claimed(self) -> bool:
        """Whether somebody has the cell."""
        return bool(self._token)

    def routes(self) -> list[web.RouteDef]:
        """What a lessee can ask besides runs."""
        return [web.post("/claim", self._claim), web.post("/end", self._end)]

    @web.middleware
    async def gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Lets the lessee in."""
        if (request.method, request.path) in _OPEN:
            return await _answer(handler, request)
        if not self.claimed:
            return web.json_response({"error": "Nobody has claimed this cell yet: POST /claim first."}, status=401)
        if not same(request.headers.get("Authorization", ""), f"Bearer {self._token}"):
            return web.json_response({"error": "This cell is somebody else's."}, status=401)
        self._active += 1
        try:
            return await _answer(handler, request)
        finally:
            self._active -= 1
            self._heard = self._now()

    async def _claim(self, request: web.Request) -> web.Response:
        body = decode(await request.read())
        token = body.get("token") if isinstance(body, dict) and set(body) == {"token"} else None
        if not isinstance(token, str) or not MIN_TOKEN <= len(token) <= MAX_TOKEN or not token.isascii() or not token.isalnum():
            raise BadRequestError(f'The body must be {{"token": {MIN_TOKEN} to {MAX_TOKEN} random letters and digits}}.')
        if not self._token and not self._ready():
            return web.json_response({"error": "This cell is still starting."}, status=503)
        if self._token and not same(token, self._token):
            return web.json_response({"error": "Somebody else has claimed this cell."}, status=409)
        # No await between the look and the claim: the first one has it.
        self._token = token
        self._heard = self._now()
        return web.json_response({"claimed": True})

    async def _end(self, request: web.Request) -> web.Response:
        self._ended.set()
        return web.json_response({"ended": True})

    def silent(self) -> bool:
        """Whether the lessee has not been heard of for too long. A cell that waits for its lessee is never silent."""
        return self.claimed and self._quiet > 0 and not self._active and self._now() - self._heard > self._quiet

    async def over(self) -> str:
        """Returns why, when the lease is over."""
        while not self._ended.is_set():
            if self.silent():
                return "its lessee is silent"
            try:
                await asyncio.wait_for(self._ended.wait(), 1.0)
            except TimeoutError:
                continue
        await asyncio.sleep(0.2)  # the answer to /end leaves first
        return "its lease was ended"
