"""A client of the runner protocol for tests, and the processes that serve it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("runner", timeout=90)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Result:
    """A run that is over."""

    def __init__(self, events: list[dict[str, Any]], seconds: float) -> None:
        self.events = events
        self.seconds = seconds

    @property
    def state(self) -> str:
        return str(self.of("status")[-1]["state"])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [e["data"] for e in self.events if e["type"] == kind]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return self.of("output")

    @property
    def text(self) -> str:
        return "".join(o.get("text", "") for o in self.outputs)

    @property
    def failure(self) -> dict[str, Any]:
        return self.of("failure")[-1]

    def rows(self) -> list[list[Any]]:
        """Rows of the last table."""
        return next(o["table"]["rows"] for o in reversed(self.outputs) if o["kind"] == "table")


class Runner:
    """A runner process and its socket."""

    def __init__(self, module: str, folder: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.inbox, self.outbox = folder / "in", folder / "out"
        self.inbox.mkdir()
        self.outbox.mkdir()
        self.socket = str(folder / "s.sock")
        self._count = 0
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", module, "--socket", self.socket, "--work", str(folder / "w"), *arguments],
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def wait_ready(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if self.call("GET", "/health")[1]["ready"]:
                    return
            time.sleep(0.05)
        raise AssertionError("not ready: " + (self.folder / "log").read_text()[-4000:])

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)
        self._log.close()

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = UnixConnection(self.socket)
        connection.request(method, path, body if isinstance(body, (bytes, type(None))) else json.dumps(body))
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data)

    def poll(self, run_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """One poll: events as they come, until the end of the run or 20 s."""
        connection = UnixConnection(self.socket)
        try:
            connection.request("GET", f"/runs/{run_id}/events?after={after}")
            response = connection.getresponse()
            assert response.status == 200
            for line in response:
                yield json.loads(line)
        finally:
            connection.close()

    def events(self, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        """The events of one poll."""
        return list(self.poll(run_id, after))

    def wait_for(self, run_id: str, kind: str, **data: Any) -> dict[str, Any]:
        """Waits for the first event of a kind with such data; at most five polls."""
        after = 0
        for _ in range(5):
            for event in self.poll(run_id, after):
                after = event["seq"]
                if event["type"] == kind and data.items() <= event["data"].items():
                    return event
        raise AssertionError(f"no {kind} event with {data}")

    def new_id(self) -> str:
        self._count += 1
        return f"job-run-{self._count}"

    def submit(self, code: str, **more: Any) -> str:
        run_id = more.pop("run_id", None) or self.new_id()
        status, answer = self.call(
            "POST", "/runs", {"run_id": run_id, "code": code, "mode": "validate", "sources": [], "limits": {}, **more}
        )
        assert status == 202, answer
        return str(run_id)

    def finish(self, run_id: str, start: float) -> Result:
        events: list[dict[str, Any]] = []
        for _ in range(10):
            events += self.events(run_id, len(events))
            if events and events[-1]["type"] == "status" and events[-1]["data"]["state"] != "running":
                assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
                return Result(events, time.monotonic() - start)
        raise AssertionError("the run does not end")

    def run_warned(self, **more: Any) -> Result:
        """Runs a program that Ray warns about; it ends only when its log says so."""
        heard = self.folder / "heard"
        code = (
            "import os, ray, time\nworker = ray._private.worker.global_worker\n"
            "worker.core_worker.push_error(worker.current_job_id, 'planted', 'a warning of the raylet', time.time())\n"
            f"while not os.path.exists('{heard}'):\n    time.sleep(0.05)\nprint('done')"
        )
        run_id = self.submit(code, **more)
        self.wait_for(run_id, "log", stream="raw", text="a warning of the raylet\n")
        heard.touch()
        result = self.finish(run_id, 0)
        assert result.state == "succeeded", result.events
        return result

    def run(self, code: str, **more: Any) -> Result:
        """Hands a program over and waits for its end."""
        start = time.monotonic()
        return self.finish(self.submit(code, **more), start)


def short_folder() -> Path:
    """A folder with a short path: unix sockets of Ray lie below it."""
    return Path(tempfile.mkdtemp(prefix="oc", dir="/tmp"))


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def processes(marker: str) -> list[int]:
    """Living processes with this text in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found
