"""What a head, a worker and a cell are started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autoscaler import settings
from entry.environment import Environment, SettingError
from entry.task import METADATA, Task

GCS_PORT, DASHBOARD_PORT, RUNNER_PORT = 6379, 8265, 8700
WORK = Path("/tmp/orcray")  # the task's own; sockets below it need a short path
CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
RUNNER_TOKEN = "ORCRAY_RUNNER_TOKEN"  # noqa: S105 - a variable's name
_GIB = 1 << 30


@dataclass(frozen=True)
class Plan:
    """A Python module to become, its arguments, and what changes in the environment (None: the variable goes)."""

    module: str
    arguments: dict[str, str]
    environment: dict[str, str | None] = field(default_factory=dict)
    work: Path = WORK
    cluster: settings.Cluster | None = None  # written to `work / autoscaler.json` before the start
    secret: str = ""  # handed over through a pipe, as --service-token-file

    def command(self) -> list[str]:
        """The module's command line, without the secret's pipe."""
        return ["-m", self.module, *(f"--{name}={value}" for name, value in self.arguments.items())]


def _work(environment: Environment) -> Path:
    """Another folder than the usual one is for several tasks on one machine."""
    return Path(environment.text("ORCRAY_WORK", str(WORK)))


def _sizes(environment: Environment) -> dict[str, str]:
    return {
        "cpus": str(environment.whole("ORCRAY_CPUS", 1)),
        "memory": str(environment.whole("ORCRAY_MEMORY", 0)),
        "store": str(environment.whole("ORCRAY_OBJECT_STORE", 0)),
        "plasma-directory": environment.text("ORCRAY_PLASMA"),
    }


def _known_to_ray(environment: Environment, task: Task, kind: str) -> dict[str, str | None]:
    """The token, and what the autoscaler must find on every node. A node without a token would be open to the whole network."""
    token = environment.required("RAY_AUTH_TOKEN", "Ray's own token, the same for head and workers")
    mode = environment.text("RAY_AUTH_MODE", "token")
    if mode != "token":
        raise SettingError(f"RAY_AUTH_MODE must be token, not {mode!r}.")
    return {"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": token, "RAY_CLOUD_INSTANCE_ID": task.id, "RAY_NODE_TYPE_NAME": kind}


def head(environment: Environment, task: Task) -> Plan:
    """Ray's head with its autoscaler, and the runner for whoever has the bearer token."""
    work = _work(environment)
    arguments = {
        **_sizes(environment),
        "work": str(work),
        "node-ip-address": task.address,
        "gcs-port": str(GCS_PORT),
        "dashboard-port": str(DASHBOARD_PORT),
        "listen": f"0.0.0.0:{environment.whole('ORCRAY_PORT', RUNNER_PORT)}",
        "autoscaling-config": str(work / "autoscaler.json"),
        "isolation": "cluster",
    }
    changed = _known_to_ray(environment, task, settings.HEAD)
    # What programs inherit must not lead them to the head's own rights; the autoscaler reads the address in its configuration.
    changed.update({RUNNER_TOKEN: None, CREDENTIALS: None, METADATA: None, "AUTOSCALER_UPDATE_INTERVAL_S": "5"})
    secret = environment.required(RUNNER_TOKEN, "the bearer token of the runner")
    return Plan("runner.head", arguments, changed, work, _cluster(environment, task), secret)


def _cluster(environment: Environment, task: Task) -> settings.Cluster:
    region = environment.text("AWS_REGION") or environment.required("AWS_DEFAULT_REGION", "the region of the cluster")
    ecs = {
        "cluster": environment.required("ORCRAY_ECS_CLUSTER", "the name of the ECS cluster"),
        "task_definition": environment.required("ORCRAY_WORKER_TASK", "the task definition of workers"),
        "subnets": environment.words("ORCRAY_WORKER_SUBNETS", "subnets with commas between them"),
        "security_groups": environment.words("ORCRAY_WORKER_GROUP", "the security group of workers"),
        "capacity_provider": environment.text("ORCRAY_WORKER_CAPACITY"),
        "head": f"{task.address}:{GCS_PORT}",
        "client": {"region": region, "credentials_uri": environment.text(CREDENTIALS)},
    }
    memory = environment.whole("ORCRAY_WORKER_MEMORY", 8 * _GIB)
    return settings.Cluster(
        provider={"launcher": "ecs", "ecs": ecs},
        worker_resources={"CPU": environment.whole("ORCRAY_WORKER_CPUS", 2), "memory": memory},
        head_cpus=environment.whole("ORCRAY_CPUS", 1),
        workers_max=environment.whole("ORCRAY_WORKERS_MAX", 5),
        idle_seconds=environment.seconds("ORCRAY_WORKER_IDLE", 300),
    )


def worker(environment: Environment, task: Task) -> Plan:
    """A worker node. The head that started it says where it is; one started by hand asks the DNS."""
    changed = _known_to_ray(environment, task, environment.text("RAY_NODE_TYPE_NAME", settings.WORKER))
    at = environment.text("ORCRAY_HEAD_ADDRESS")
    if not at:
        at = environment.required("ORCRAY_HEAD_HOST", "the DNS name of the head") + f":{GCS_PORT}"
    work = _work(environment)
    arguments = {
        **_sizes(environment),
        "work": str(work),
        "node-ip-address": task.address,
        "head": at,
    }
    return Plan("runner.worker", arguments, {**changed, METADATA: None}, work)


def cell(environment: Environment) -> Plan:
    """A cell that waits for its lessee. It has no secret, no role, and needs none."""
    work = _work(environment)
    arguments = {
        **_sizes(environment),
        "work": str(work / "w"),
        "inbox": str(work / "in"),
        "outbox": str(work / "out"),
        "listen": f"0.0.0.0:{environment.whole('ORCRAY_PORT', RUNNER_PORT)}",
        "once": f"{environment.seconds('ORCRAY_IDLE_STOP', 1800):g}",
        "isolation": "task",
    }
    return Plan("runner.cell", arguments, {METADATA: None, CREDENTIALS: None}, work)


def make(role: str, environment: Environment, task: Task | None) -> Plan:
    """The plan of a role; a cell needs no task."""
    if role == "cell":
        return cell(environment)
    if task is None or role not in ("head", "worker"):
        raise SettingError(f"The role must be head, worker or cell, not {role!r}.")
    return head(environment, task) if role == "head" else worker(environment, task)
