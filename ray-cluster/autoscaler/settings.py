"""The configuration file of Ray's autoscaler: written when a head starts, read by Ray and by the provider."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.launcher import Launcher

HEAD, WORKER = "head", "worker"


@dataclass(frozen=True)
class Cluster:
    """What a cluster may grow to. `provider` says which launcher is used, and with what."""

    provider: dict[str, Any]
    worker_resources: dict[str, float]
    worker_options: dict[str, Any] = field(default_factory=dict)
    head_cpus: int = 0
    workers_min: int = 0
    workers_max: int = 5
    idle_seconds: float = 300.0


def document(cluster: Cluster) -> dict[str, Any]:
    """The configuration as Ray wants it: none of these keys may be missing."""
    return {
        "cluster_name": "orcray",
        "max_workers": cluster.workers_max,
        # Without this Ray starts one worker a pass.
        "upscaling_speed": 10,
        "idle_timeout_minutes": cluster.idle_seconds / 60,
        "provider": {"type": "external", "module": "runner.scaling.Provider", "disable_node_updaters": True, **cluster.provider},
        "head_node_type": HEAD,
        "available_node_types": {
            HEAD: {"resources": {"CPU": cluster.head_cpus}, "node_config": {}, "min_workers": 0, "max_workers": 0},
            WORKER: {
                "resources": cluster.worker_resources,
                "node_config": cluster.worker_options,
                "min_workers": cluster.workers_min,
                "max_workers": cluster.workers_max,
            },
        },
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "cluster_synced_files": [],
    }


def write(cluster: Cluster, path: Path) -> None:
    """Writes the file, readable to this user only. JSON is YAML."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document(cluster), indent=1) + "\n")


def launcher(provider: dict[str, Any], head: str) -> Launcher:
    """Makes the launcher that the provider's configuration names; `head` is the head's own id."""
    name = provider.get("launcher")
    if name == "local":
        from autoscaler import local

        wanted = {k: provider[k] for k in ("head", "address", "most") if k in provider}
        return local.LocalLauncher(local.LocalSettings(work=Path(provider["work"]), **wanted))
    if name == "ecs":
        from autoscaler import ecs

        return ecs.launcher(provider["ecs"], head)
    raise ValueError(f"The provider's launcher must be local or ecs, not {name!r}.")
