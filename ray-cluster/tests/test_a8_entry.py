"""What a task's environment is turned into."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from autoscaler import ecsclient, settings
from entry import health, plans, task
from entry.environment import Environment, SettingError
from runner import cell, head, worker

ROOT = Path(__file__).resolve().parent.parent
HEAD = {
    "ORCRAY_CPUS": "2",
    "ORCRAY_MEMORY": "8000000000",
    "ORCRAY_OBJECT_STORE": "2000000000",
    "ORCRAY_PLASMA": "/ray_shm",
    "RAY_AUTH_TOKEN": "ray-secret",
    "RAY_AUTH_MODE": "token",
    "ORCRAY_RUNNER_TOKEN": "runner-secret",
    "ORCRAY_ECS_CLUSTER": "orcray-dev-ray",
    "ORCRAY_WORKER_TASK": "worker:7",
    "ORCRAY_WORKERS_MAX": "5",
    "ORCRAY_WORKER_CPUS": "4",
    "ORCRAY_WORKER_MEMORY": "12000000000",
    "ORCRAY_WORKER_IDLE": "5m0s",
    "ORCRAY_WORKER_SUBNETS": "subnet-a,subnet-b",
    "ORCRAY_WORKER_GROUP": "sg-1",
    "AWS_REGION": "eu-central-1",
    plans.CREDENTIALS: "/v2/credentials/x",
    task.METADATA: "http://169.254.170.2/v4/y",
}
TASK = task.Task("0123abcd", "10.0.3.4")


def test_a8_the_head_listens_with_its_token_and_scales_from_zero() -> None:
    plan = plans.make("head", Environment(HEAD), TASK)
    options = head.parse(plan.command()[2:])
    assert (options.listen, options.node_ip_address, options.cpus) == ("0.0.0.0:8700", "10.0.3.4", 2)
    assert (options.plasma_directory, options.store, options.dashboard_port) == ("/ray_shm", 2_000_000_000, 8265)
    assert plan.cluster is not None
    document = settings.document(plan.cluster)
    assert document["available_node_types"]["worker"]["resources"] == {"CPU": 4, "memory": 12_000_000_000}
    assert (document["max_workers"], document["idle_timeout_minutes"], document["available_node_types"]["worker"]["min_workers"]) == (
        5,
        5,
        0,
    )
    ecs = document["provider"]["ecs"]
    assert (ecs["cluster"], ecs["task_definition"], ecs["subnets"], ecs["security_groups"]) == (
        "orcray-dev-ray",
        "worker:7",
        ["subnet-a", "subnet-b"],
        ["sg-1"],
    )
    assert ecs["head"] == "10.0.3.4:6379" and ecs["client"] == {"region": "eu-central-1", "credentials_uri": "/v2/credentials/x"}


def test_s3_secrets_reach_no_argument_and_programs_do_not_inherit_the_heads_role() -> None:
    plan = plans.make("head", Environment(HEAD), TASK)
    assert "secret" not in " ".join(plan.command())
    assert plan.environment[plans.CREDENTIALS] is None and plan.environment[plans.RUNNER_TOKEN] is None
    assert plan.secret == "runner-secret" and plan.environment["RAY_AUTH_MODE"] == "token"


class Credentials:
    """What ECS gives a task with a role."""

    asked = ""

    def full_url(self, uri: str) -> str:
        return "http://credentials" + uri

    def retrieve_full_uri(self, url: str, headers: object = None) -> dict[str, str]:
        self.asked = url
        return {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": "T", "Expiration": "2099-01-01T00:00:00Z"}


def test_s3_the_autoscaler_finds_its_role_where_programs_do_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-else")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    fetcher = Credentials()
    client = ecsclient.make(ecsclient.ClientSettings(region="eu-central-1", credentials_uri="/v2/credentials/x"), fetcher)
    used = client._request_signer._credentials.get_frozen_credentials()
    assert fetcher.asked == "http://credentials/v2/credentials/x" and used.access_key == "AK" and used.token == "T"


def test_a8_the_head_s_provider_is_made_from_its_configuration() -> None:
    plan = plans.make("head", Environment({k: v for k, v in HEAD.items() if k != plans.CREDENTIALS}), TASK)
    assert plan.cluster is not None
    made = settings.launcher(settings.document(plan.cluster)["provider"], "0123abcd")
    assert made._settings.head == "10.0.3.4:6379" and made._client.meta.region_name == "eu-central-1"  # type: ignore[attr-defined]
    assert made._client.meta.config.retries["mode"] == "standard"  # type: ignore[attr-defined]


def test_a8_a_worker_joins_the_head_that_started_it() -> None:
    values = {"RAY_AUTH_TOKEN": "t", "ORCRAY_HEAD_HOST": "head.orcray.local", "ORCRAY_CPUS": "4", "ORCRAY_MEMORY": "9"}
    plan = plans.make("worker", Environment({**values, "ORCRAY_HEAD_ADDRESS": "10.0.3.4:6379", "RAY_NODE_TYPE_NAME": "big"}), TASK)
    options = worker.parse(plan.command()[2:])
    assert (options.head, options.cpus, options.memory, options.node_ip_address) == ("10.0.3.4:6379", 4, 9, "10.0.3.4")
    assert (plan.environment["RAY_CLOUD_INSTANCE_ID"], plan.environment["RAY_NODE_TYPE_NAME"]) == ("0123abcd", "big")
    by_hand = worker.parse(plans.make("worker", Environment(values), TASK).command()[2:])
    assert by_hand.head == "head.orcray.local:6379"


def test_a8_a_cell_needs_no_secret_and_no_task() -> None:
    plan = plans.make("cell", Environment({"ORCRAY_CPUS": "2", "ORCRAY_IDLE_STOP": "30m0s", "ORCRAY_PORT": "8701"}), None)
    assert plan.module == "runner.cell" and plan.secret == "" and plan.cluster is None
    assert plan.arguments["listen"] == "0.0.0.0:8701" and plan.arguments["once"] == "1800" and "token" not in " ".join(plan.command())
    known = set(cell.parse.__code__.co_consts)
    if "--listen" not in known:  # comes with the lease
        pytest.skip("SKIPPED: this runner.cell does not listen on TCP yet")
    assert cell.parse(plan.command()[2:]).listen == "0.0.0.0:8701"


@pytest.mark.parametrize(
    "name", ["RAY_AUTH_TOKEN", "ORCRAY_RUNNER_TOKEN", "ORCRAY_WORKER_TASK", "ORCRAY_WORKER_SUBNETS", "ORCRAY_ECS_CLUSTER"]
)
def test_a8_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is not set: it must be "):
        plans.make("head", Environment({k: v for k, v in HEAD.items() if k != name}), TASK)


def test_a8_wrong_values_are_named() -> None:
    with pytest.raises(SettingError, match="ORCRAY_CPUS must be a whole number from 0, not 'two'"):
        plans.make("head", Environment({**HEAD, "ORCRAY_CPUS": "two"}), TASK)
    with pytest.raises(SettingError, match="ORCRAY_WORKER_IDLE must be a duration"):
        plans.make("head", Environment({**HEAD, "ORCRAY_WORKER_IDLE": "5 minutes"}), TASK)
    with pytest.raises(SettingError, match="RAY_AUTH_MODE must be token"):
        plans.make("head", Environment({**HEAD, "RAY_AUTH_MODE": "disabled"}), TASK)


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h0m0s", 7200), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("0", 0), ("0s", 0), ("", 7)]
)
def test_a8_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert Environment({"D": text}).seconds("D", 7) == seconds


class Metadata(BaseHTTPRequestHandler):
    """ECS's metadata, and a runner's health, each at its path; the first question fails, as just after a task's start."""

    asked = 0

    def do_GET(self) -> None:
        Metadata.asked += 1
        if self.path == "/health":
            self.answer(401, {"error": "This runner needs its bearer token."})
        elif Metadata.asked == 1:
            self.answer(500, {})
        else:
            arn = "arn:aws:ecs:eu-central-1:000000000000:task/orcray/77aa"
            self.answer(200, {"TaskARN": arn, "Containers": [{"Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.9.9"]}]}]})

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def metadata() -> Iterator[int]:
    Metadata.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def test_a8_a_task_asks_ecs_who_it_is(metadata: int) -> None:
    found = task.find(Environment({task.METADATA: f"http://127.0.0.1:{metadata}/v4/1"}))
    assert found == task.Task("77aa", "10.0.9.9") and Metadata.asked == 2
    with pytest.raises(SettingError, match="awsvpc"):
        task.find(Environment({task.METADATA: "x"}), lambda _url: {"TaskARN": "a/b", "Containers": []})


def test_a8_health_says_why_not(metadata: int, tmp_path: Path) -> None:
    assert health.runner(metadata) == ""
    assert "does not answer" in health.runner(1)
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "comm").write_text("python\n")
    assert health.raylet(tmp_path) == "there is no raylet"
    (tmp_path / "12" / "comm").write_text("raylet\n")
    assert health.raylet(tmp_path) == ""


def run(role: str, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The image's own command, with this environment's Python."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), **values}
    return subprocess.run([ROOT / "bin" / f"orcray-{role}"], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a8_the_commands_refuse_in_a_sentence() -> None:
    refused = run("worker", {"ORCRAY_ADDRESS": "127.0.0.1"})
    assert (
        refused.returncode == 78
        and refused.stderr == "orcray: RAY_AUTH_TOKEN is not set: it must be Ray's own token, the same for head and workers.\n"
    )
    assert os.access(ROOT / "bin" / "orcray-head", os.X_OK)
    sick = run("health", {"ORCRAY_PORT": "1"})
    assert sick.returncode == 1 and sick.stderr.startswith("orcray: the runner does not answer")
