"""A job on the cluster whose driver falls silent: it is ended, not left to run without a limit."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import Any

import pytest

from runner import clusterplace
from runner.protocol import Run
from runner.runs import RunLog
from tests.client import remove, short_folder

DRIVER = """
import json, signal, socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
for message in ({"hello": sys.argv[2]}, {"ready": {}}):
    sock.sendall(json.dumps(message).encode() + b"\\n")
sock.makefile().readline()
sock.sendall(b'{"began": true}\\n')
sock.shutdown(socket.SHUT_RDWR)
signal.pause()
"""


class Jobs:
    """Ray's Jobs API with one job, which goes on until it is stopped."""

    status = "RUNNING"
    process: asyncio.subprocess.Process

    async def version(self) -> str:
        return "2.60.0"

    async def submit(self, _run_id: str, entrypoint: str, *_: Any) -> bool:
        words = shlex.split(entrypoint)
        arguments = [words[words.index(name) + 1] for name in ("--connect", "--key")]
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-c", DRIVER, *arguments, start_new_session=True)
        return True

    async def info(self, _run_id: str) -> dict[str, Any]:
        return {"status": self.status}

    async def stop(self, _run_id: str) -> None:
        self.status = "STOPPED"


def test_r17_a_job_that_nobody_hears_any_more_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusterplace, "_UNHEARD_SECONDS", 0.1)
    folder = short_folder()
    jobs, log = Jobs(), RunLog(Run("r", "1 + 1", "execute"))

    async def story() -> None:
        place = clusterplace.ClusterPlace(jobs, folder, gcs="", forked=False)  # type: ignore[arg-type]
        await place.open()
        async with asyncio.timeout(20):
            await place.start(log)
            assert await jobs.process.wait() == -9

    try:
        asyncio.run(story())
    finally:
        remove(folder)
    assert log.state == "failed" and jobs.status == "STOPPED"
