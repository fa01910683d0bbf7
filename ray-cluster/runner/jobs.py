"""The Ray Jobs API, as far as runs need it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

_NO_AGENT = "No available agent"
_AGENT_SECONDS, _PAUSE_SECONDS = 60.0, 0.5
_TIMEOUT = aiohttp.ClientTimeout(total=30)
TERMINAL = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


class JobsError(Exception):
    """The Jobs API refused or failed; the text is its answer."""


class JobExistsError(JobsError):
    """There is a job with this submission id already."""


class Jobs:
    """Speaks to the dashboard at `address` (http://host:port) with Ray's token."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address.rstrip("/")
        # Ray refuses POSTs that look like a browser's.
        self._headers = {"User-Agent": "orcray-runner"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def submit(self, submission_id: str, entrypoint: str, metadata: dict[str, str], wanted: Callable[[], bool]) -> bool:
        """Starts a job. Raises JobExistsError when the id has been used: Ray itself never starts it twice.

        A head answers before the agent that starts its jobs is up; for a minute that is waited for, and False returned when the job
        is not wanted any more.
        """
        body = {"submission_id": submission_id, "entrypoint": entrypoint, "metadata": metadata}
        begun = time.monotonic()
        status, text = await self._call("POST", "/api/jobs/", body)
        while status != 200 and _NO_AGENT in str(text) and time.monotonic() - begun < _AGENT_SECONDS:
            await asyncio.sleep(_PAUSE_SECONDS)
            if not wanted():
                return False
            status, text = await self._call("POST", "/api/jobs/", body)
        if status == 200:
            return True
        # The head wraps what its agent says into a 500; only the text tells.
        if "already exists" in str(text):
            raise JobExistsError(str(text))
        raise JobsError(f"{status}: {str(text)[:2000]}")

    async def info(self, submission_id: str) -> dict[str, Any] | None:
        """What Ray knows of a job, or None."""
        status, value = await self._call("GET", f"/api/jobs/{submission_id}", None)
        if status == 404:
            return None
        if status != 200 or not isinstance(value, dict):
            raise JobsError(f"{status}: {str(value)[:2000]}")
        return value

    async def stop(self, submission_id: str) -> None:
        """Asks Ray to stop a job; returns before it has."""
        await self._call("POST", f"/api/jobs/{submission_id}/stop", None)

    async def version(self) -> str | None:
        """Ray's version once the API answers, else None."""
        try:
            status, value = await self._call("GET", "/api/version", None)
        except (aiohttp.ClientError, TimeoutError):
            return None
        return str(value.get("ray_version", "")) if status == 200 and isinstance(value, dict) else None

    async def _call(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as session,
            session.request(method, self._address + path, json=body) as response,
        ):
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.text()
