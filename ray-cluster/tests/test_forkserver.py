"""Forks of one process that has imported everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.forkserver import client
from tests.client import ROOT, processes, remove, short_folder

pytestmark = pytest.mark.ray
SERVER = """
import os, subprocess, sys
from pathlib import Path
from runner.forkserver import preload, server
sock = server.listen(Path(sys.argv[1]))
keeper = subprocess.Popen(["sleep", "600"])
missing = preload.load()
print("missing", missing, flush=True)
sys.exit(server.Server(sock, keeper.pid).serve())
"""
CHILD = """
import json, os, sys
import ray
from ray import WorkerID, ActorID, ObjectID
print(json.dumps({"id": WorkerID.from_random().hex(), "object": ObjectID.from_random().hex(), "sid": os.getsid(0) == os.getpid(), "argv": sys.argv[1:],
    "env": os.environ.get("MARK"), "loaded": "ray.data" in sys.modules, "cwd": os.getcwd()}))
sys.exit(7)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    folder = short_folder()
    (folder / "server.py").write_text(SERVER)
    (folder / "child.py").write_text(CHILD)
    (folder / "wait.py").write_text("import time, sys\nprint('up', flush=True)\ntime.sleep(600)")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_JOB_ID": "ffffffff", "RAY_RAYLET_PID": str(os.getpid()), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, str(folder / "server.py"), str(folder / "f.sock")], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "missing []\n"
    try:
        yield folder, process
    finally:
        process.kill()
        process.wait(10)
        remove(folder)


def start(folder: Path, script: str, *arguments: str, path: str = "f.sock") -> subprocess.Popen[str]:
    env = {**os.environ, client.SOCKET: str(folder / path), "MARK": "yes"}
    command = [sys.executable, str(Path(client.__file__)), "--script", str(folder / script), *arguments]
    return subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_p5_children_are_forks_with_ids_of_their_own(server: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, _ = server
    made = []
    for number in range(6):
        child = start(folder, "child.py", str(number))
        out, err = child.communicate(timeout=30)
        assert child.returncode == 7, err
        made.append(json.loads(out))
    assert len({m["id"] for m in made}) == 6 and len({m["object"] for m in made}) == 6
    assert all(m["sid"] and m["loaded"] and m["env"] == "yes" and m["cwd"] == str(folder) for m in made)
    assert [m["argv"] for m in made] == [[str(n)] for n in range(6)]


def test_p5_a_killed_client_takes_its_child_along(server: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, process = server
    for number in (signal.SIGKILL, signal.SIGTERM):
        child = start(folder, "wait.py")
        assert child.stdout is not None and child.stdout.readline() == "up\n"
        before = children(process.pid)
        child.send_signal(number)
        child.wait(10)
        end = time.monotonic() + 10
        while len(children(process.pid)) >= len(before) and time.monotonic() < end:
            time.sleep(0.01)
        assert len(children(process.pid)) == len(before) - 1


def test_p5_without_a_server_the_ordinary_way(server: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, _ = server
    child = start(folder, "child.py", "x", path="nothing.sock")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 7 and json.loads(out)["argv"] == ["x"] and "the ordinary way" in err


def test_p5_only_plain_workers_are_forked() -> None:
    worker = ["/w.py", "--x=1", "--language=PYTHON"]
    plan = client.plan([*worker, '--serialized-runtime-env-context={"env_vars": {"A": "1"}}'], {"B": "2"})
    assert plan == {"script": "/w.py", "argv": ["/w.py", "--x=1"], "env": {"A": "1", "B": "2"}}
    for context in ('{"command_prefix": ["nice"]}', '{"py_executable": "/other/python"}', '{"override_worker_entrypoint": "x"}'):
        assert client.plan([*worker, f"--serialized-runtime-env-context={context}"], {}) is None
    assert client.plan(["-S", *worker], {}) is None
    assert client.plan(["/w.py", "--language=JAVA"], {}) is None


@pytest.mark.timeout(300)
def test_p5_two_hundred_starts(server: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, _ = server
    seen = set()
    for number in range(200):
        child = start(folder, "child.py", str(number))
        out, err = child.communicate(timeout=30)
        assert child.returncode == 7, err
        seen.add(json.loads(out)["id"])
    assert len(seen) == 200


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_s3_nothing_survives_the_end_of_a_cell() -> None:
    from tests.client import Runner

    folder = short_folder()
    runner = Runner("runner.cell", folder, "--inbox", str(folder / "in"), "--outbox", str(folder / "out"), "--drivers", "1")
    try:
        runner.wait_ready(90)
        assert processes(str(folder))
        os.kill(runner.process.pid, signal.SIGKILL)
        runner.process.wait(10)
        end = time.monotonic() + 15
        while processes(str(folder)) and time.monotonic() < end:
            time.sleep(0.05)
        assert processes(str(folder)) == []
    finally:
        runner.close()
        remove(folder)
