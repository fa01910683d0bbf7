"""A head with Ray's autoscaler and the local launcher, in a network of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from autoscaler import settings
from tests.client import Runner, processes, remove, short_folder

TOKEN = "test-token-0123456789abcdef0123456789abcdef"
GCS_PORT = 6379
GIB = 1 << 30


class Head:
    """A head without CPUs of its own: every task needs a worker."""

    def __init__(self, *, idle_seconds: float = 6, workers_max: int = 2) -> None:
        self.folder = short_folder()
        (self.folder / "token").write_text(TOKEN)
        self.nodes_folder = self.folder / "n"
        cluster = settings.Cluster(
            provider={"launcher": "local", "head": f"127.0.0.1:{GCS_PORT}", "work": str(self.nodes_folder)},
            worker_resources={"CPU": 1, "memory": GIB},
            worker_options={"store": 100 << 20},
            workers_max=workers_max,
            idle_seconds=idle_seconds,
        )
        settings.write(cluster, self.folder / "autoscaler.json")
        own_network = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')
        arguments = {
            "--token-file": self.folder / "token",
            "--cpus": 0,
            "--store": 100 << 20,
            "--gcs-port": GCS_PORT,
            "--autoscaling-config": self.folder / "autoscaler.json",
        }
        self.runner = Runner(
            "runner.head",
            self.folder,
            *(f"{name}={value}" for name, value in arguments.items()),
            prefix=("env", "RAY_CLOUD_INSTANCE_ID=head-1", "RAY_NODE_TYPE_NAME=head", *own_network),
        )

    def close(self) -> None:
        """Ends the head; whatever is left of it or of its workers is an error."""
        self.runner.close()
        try:
            wait(lambda: not self.leftovers(), 15, lambda: f"left: {self.leftovers()}")
        finally:
            remove(self.folder)

    def leftovers(self) -> list[int]:
        """Processes that name this head's folder."""
        return processes(str(self.folder))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ray's own API, through the socket of the dashboard."""

        async def call() -> Any:
            connector = aiohttp.UnixConnector(self.runner.socket + ".dashboard")
            headers = {"User-Agent": "test", "Authorization": f"Bearer {TOKEN}"}
            timeout = aiohttp.ClientTimeout(total=20)
            async with (
                aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session,
                session.request(method, f"http://dashboard{path}", json=body) as answer,
            ):
                return await (answer.json() if answer.content_type == "application/json" else answer.text())

        return asyncio.run(call())

    def submit(self, name: str, script: str, *arguments: str) -> None:
        """Starts a job, once the head has an agent to start it with.

        Its script names the address: left to itself, Ray takes that of any cluster whose processes it sees.
        """
        path = self.folder / f"{name}.py"
        path.write_text(script)
        words = " ".join((sys.executable, str(path), *arguments))
        body = {"submission_id": name, "entrypoint": words}
        wait(lambda: isinstance(self.call("POST", "/api/jobs/", body), dict), 60, self.logs)

    def status(self, name: str) -> str:
        """That of a job; empty when the head has no answer at the moment."""
        info = self.call("GET", f"/api/jobs/{name}")
        return str(info["status"]) if isinstance(info, dict) else ""

    def printed(self, name: str) -> str:
        """What a job printed."""
        return str(self.call("GET", f"/api/jobs/{name}/logs")["logs"])

    def workers(self) -> list[str]:
        """Ids of the worker nodes that Ray counts as alive."""
        answer = self.call("GET", "/api/v0/nodes?detail=1")
        nodes = answer["data"]["result"]["result"]
        return [n["node_id"] for n in nodes if n["state"] == "ALIVE" and not n["is_head_node"]]

    def node_processes(self) -> list[int]:
        """The first process of each worker node."""
        return [
            p for p in processes("runner.worker") if str(self.nodes_folder) in _command(p) and _parent(p) not in processes("runner.worker")
        ]

    def node_starts(self) -> list[float]:
        """Seconds that each worker's own start took, by its own clock."""
        found = []
        for path in self.nodes_folder.glob("*.log"):
            for line in path.read_text(errors="replace").splitlines():
                if line.startswith("{") and "joined" in line:
                    found.append(float(json.loads(line)["joined"]))
        return found

    def logs(self) -> str:
        """What the head, the autoscaler and the workers wrote last."""
        files = [self.folder / "log", *self.folder.glob("w/ray/session_2*/logs/monitor.*"), *self.nodes_folder.glob("*.log")]
        return "\n".join(f"--- {f}\n{f.read_text(errors='replace')[-3000:]}" for f in files if f.exists())


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def wait(condition: Callable[[], Any], seconds: float, says: Callable[[], str] = lambda: "") -> float:
    """Waits until the condition holds; returns the seconds that took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if condition():
            return time.monotonic() - begun
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s. {says()}")


def lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines of a file that may not be there yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
