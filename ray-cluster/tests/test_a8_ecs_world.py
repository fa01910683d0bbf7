"""The image's own commands together: orcray-head, Ray's autoscaler, the ECS launcher over the wire, and orcray-worker in its tasks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import image
from tests.autoscaled import TOKEN, wait
from tests.client import processes, remove, short_folder

ROOT = Path(__file__).resolve().parent.parent
PORT = 4566
RUNNER_TOKEN = "runner-token-0123456789"
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("unshare") is None or os.geteuid() != 0, reason="SKIPPED: a head needs a network of its own: unshare as root"
    ),
]
SCRIPT = """
import os, ray
ray.init("127.0.0.1:6379", log_to_driver=False)

@ray.remote(num_cpus=1)
def where():
    return os.environ["RAY_CLOUD_INSTANCE_ID"], "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ, "ORCRAY_RUNNER_TOKEN" in os.environ

print("worker", *ray.get(where.remote()))
print("driver", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ, "ORCRAY_RUNNER_TOKEN" in os.environ)
"""
ASK = """
import json, sys, urllib.error, urllib.request
method, url, headers, body = json.loads(sys.argv[1])
request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers, method=method)
try:
    with urllib.request.urlopen(request, timeout=20) as answer:
        print(json.dumps([answer.status, json.load(answer)]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, None]))
except OSError as error:
    print(json.dumps([0, str(error)]))
"""


class World:
    """A network of its own with ECS and the head in it."""

    def __init__(self) -> None:
        self.folder = short_folder()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        sizes = {"ORCRAY_CPUS": "1", "ORCRAY_MEMORY": str(1 << 30), "ORCRAY_OBJECT_STORE": str(100 << 20), "RAY_AUTH_TOKEN": TOKEN}
        (self.folder / "definition.json").write_text(json.dumps(sizes))
        self.environment = {
            **sizes,
            "ORCRAY_CPUS": "0",
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "ORCRAY_WORK": str(self.folder / "h"),
            "ORCRAY_ADDRESS": "127.0.0.1",
            "ORCRAY_RUNNER_TOKEN": RUNNER_TOKEN,
            "ORCRAY_ECS_CLUSTER": "orcray",
            "ORCRAY_WORKER_TASK": "worker:1",
            "ORCRAY_WORKER_SUBNETS": "subnet-1",
            "ORCRAY_WORKER_GROUP": "sg-1",
            "ORCRAY_WORKERS_MAX": "2",
            "ORCRAY_WORKER_CPUS": "1",
            "ORCRAY_WORKER_MEMORY": str(1 << 30),
            "ORCRAY_WORKER_IDLE": "3s",
            "AWS_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL_ECS": f"http://127.0.0.1:{PORT}",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/head",
        }
        self.ecs = self.start(
            "ecs",
            [
                "unshare",
                "-n",
                "sh",
                "-c",
                'ip link set lo up && ip addr add 169.254.170.2/32 dev lo && exec "$0" "$@"',
                sys.executable,
                "-m",
                "tests.ecsworld",
                str(PORT),
                str(self.folder),
            ],
        )
        wait(lambda: self.ask("GET", f"http://127.0.0.1:{PORT}/calls")[0] == 200, 20, self.logs)
        programs = self.folder / "programs"
        programs.mkdir()
        self.programs = Path("/programs") if image.BUILT else programs  # where jobs find them
        self.head = self.start("head", [*self.inside(), *image.command("head", self.environment, f"--volume={programs}:/programs:ro")])

    def start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as output:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True)

    def inside(self) -> list[str]:
        """Brings a command into the network."""
        return ["nsenter", "-t", str(self.ecs.pid), "-n"]

    def ask(self, method: str, url: str, token: str = "", body: Any = None) -> tuple[int, Any]:
        headers = {"User-Agent": "test", "Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        command = [*self.inside(), sys.executable, "-c", ASK, json.dumps([method, url, headers, body])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
        if done.returncode:
            return 0, done.stderr
        status, value = json.loads(done.stdout)
        return status, value

    def jobs(self, method: str, path: str, body: Any = None) -> Any:
        return self.ask(method, f"http://127.0.0.1:8265/api/jobs/{path}", TOKEN, body)[1]

    def submit(self, name: str, program: Path) -> None:
        """Starts a job, once the head has an agent to start it with."""
        body = {"submission_id": name, "entrypoint": f"{image.PYTHON} {program}"}
        wait(lambda: self.ask("POST", "http://127.0.0.1:8265/api/jobs/", TOKEN, body)[0] == 200, 60, self.logs)

    def status(self, name: str) -> str:
        """That of a job; empty when the head has no answer at the moment."""
        code, info = self.ask("GET", f"http://127.0.0.1:8265/api/jobs/{name}", TOKEN)
        return str(info["status"]) if code == 200 else ""

    def calls(self, action: str) -> list[dict[str, Any]]:
        return [body for name, body in self.ask("GET", f"http://127.0.0.1:{PORT}/calls")[1] if name == action]

    def tasks(self) -> dict[str, str]:
        """Every task there was, with its status."""
        tasks: dict[str, str] = self.ask("GET", f"http://127.0.0.1:{PORT}/tasks")[1]
        return tasks

    def health(self) -> int:
        """The container's health check."""
        command = [*self.inside(), *image.command("health", self.environment)]
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=30, check=False).returncode

    def logs(self) -> str:
        files = [*self.folder.glob("*.log"), *self.folder.glob("h/ray/session_2*/logs/monitor.*")]
        asked = f"calls {self.ask('GET', f'http://127.0.0.1:{PORT}/calls')[1]!r:.2000}\njob {self.jobs('GET', 'one')}\n"
        return asked + "\n".join(f"--- {f}\n{f.read_text(errors='replace')[-3000:]}" for f in files)

    def close(self) -> None:
        for process in (self.head, self.ecs):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
        try:
            wait(lambda: not processes(str(self.folder)), 80, lambda: f"left: {processes(str(self.folder))}")
        finally:
            remove(self.folder)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    try:
        wait(lambda: made.health() == 0, 90, made.logs)
        yield made
    finally:
        made.close()


def test_s3_the_head_s_runner_wants_its_token(world: World) -> None:
    health = "http://127.0.0.1:8700/health"
    wait(lambda: world.ask("GET", health, RUNNER_TOKEN)[0] == 200, 30, world.logs)
    assert world.ask("GET", health)[0] == 401 and world.ask("GET", health, TOKEN)[0] == 401
    assert world.ask("GET", "http://127.0.0.1:8265/api/jobs/")[0] in (401, 403)


def test_a8_a_task_of_ecs_is_started_for_demand_and_stopped_when_idle(world: World) -> None:
    assert world.calls("RunTask") == []
    (world.folder / "programs" / "job.py").write_text(SCRIPT)
    world.submit("one", world.programs / "job.py")
    wait(lambda: world.status("one") in ("SUCCEEDED", "FAILED"), 120, world.logs)
    printed = world.jobs("GET", "one/logs")["logs"]
    run = world.calls("RunTask")
    assert len(run) == 1 and run[0]["count"] == 1 and run[0]["taskDefinition"] == "worker:1", run
    task = next(line.split() for line in printed.splitlines() if line.startswith("worker "))
    assert task[2:] == ["False", "False"] and "driver False False" in printed, printed
    wait(lambda: world.tasks() == {task[1]: "STOPPED"}, 60, world.logs)
    nodes = "http://127.0.0.1:8265/api/v0/nodes?detail=1"

    def alive() -> int:
        return sum(n["state"] == "ALIVE" for n in world.ask("GET", nodes, TOKEN)[1]["data"]["result"]["result"])

    wait(lambda: alive() == 1, 60, world.logs)
    assert len(world.calls("RunTask")) == 1
