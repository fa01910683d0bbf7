"""Starts the processes of a one-node Ray or of a head: GCS, raylet, agents and, on a head, the dashboard."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.forkserver import client

_CLIENT = Path(client.__file__)


@dataclass(frozen=True)
class NodeOptions:
    """What to start. `work` holds Ray's session; unix socket paths in it must stay under 107 bytes, so keep it short."""

    work: Path
    cpus: int = 2
    store_bytes: int = 150 << 20
    memory: int = 0
    address: str = "127.0.0.1"
    dashboard: bool = False
    dashboard_port: int = 8265
    gcs_port: int = 0
    fork_socket: Path | None = None
    autoscaling_config: str = ""
    gcs_address: str = ""  # host:port of the head to join; empty: this node is a head
    plasma_directory: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    resources: dict[str, float] = field(default_factory=dict)


def _agents_by_fork(services: Any) -> None:
    """Lets Ray's Python agents start as forks: Ray builds their command lines from this function."""
    original = services._build_python_executable_command_memory_profileable

    def build(component: str, session_dir: str, unbuffered: bool = True) -> list[str]:
        if component in ("dashboard_agent", "runtime_env_agent"):
            return [*original(component, session_dir, unbuffered), str(_CLIENT), "--script"]
        command: list[str] = original(component, session_dir, unbuffered)
        return command

    services._build_python_executable_command_memory_profileable = build


def _minimal_agent(utils: Any) -> None:
    """A cell has no dashboard: its agent serves nothing, as in an installation of Ray without the dashboard's packages."""
    utils.get_dashboard_dependency_error = lambda: ImportError("a cell has no dashboard")


def start_node(options: NodeOptions) -> Any:
    """Starts the processes and returns Ray's Node. They die with the thread that calls this."""
    node_module: Any = importlib.import_module("ray._private.node")
    services: Any = importlib.import_module("ray._private.services")
    utils: Any = importlib.import_module("ray._private.utils")
    parameter: Any = importlib.import_module("ray._private.parameter")

    class CellNode(node_module.Node):  # type: ignore[misc]
        """A head without an API server."""

        def start_api_server(self, *, include_dashboard: bool | None, raise_on_failure: bool) -> None:
            return

    setup_worker = None
    if options.fork_socket is not None:
        os.environ[client.SOCKET] = str(options.fork_socket)
        os.environ[client.SETUP_WORKER] = str(Path(node_module.__file__).parent / "workers" / "setup_worker.py")
        setup_worker = str(_CLIENT)
        _agents_by_fork(services)
    joins = bool(options.gcs_address)
    if not options.dashboard and not joins:
        _minimal_agent(utils)
    params = parameter.RayParams(
        node_ip_address=options.address,
        num_cpus=options.cpus,
        num_gpus=0,
        object_store_memory=options.store_bytes,
        temp_dir=str(options.work),
        include_dashboard=None if joins else options.dashboard,
        dashboard_host=options.address,
        dashboard_port=options.dashboard_port,
        # A worker's agent finds a free port: several may share an address.
        **({"dashboard_agent_listen_port": 0} if joins else {}),
        gcs_server_port=None if joins else options.gcs_port,
        gcs_address=options.gcs_address or None,
        include_log_monitor=options.dashboard or joins,
        no_monitor=not options.autoscaling_config,
        autoscaling_config=options.autoscaling_config or None,
        memory=options.memory or None,
        plasma_directory=options.plasma_directory or None,
        labels=options.labels or None,
        resources=options.resources or None,
        setup_worker_path=setup_worker,
    )
    kind = node_module.Node if options.dashboard or joins else CellNode
    return kind(params, head=not joins, shutdown_at_exit=False, spawn_reaper=True)
