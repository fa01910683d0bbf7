"""What a cell leaves out of Ray Data.

Ray Data keeps three detached actors for clusters: one shares out resources between datasets and asks for machines, one collects
statistics for the dashboard, one counts usage. Each is a worker process. A cell has one dataset at a time, no machines to ask for and no
dashboard; and what the first of them reserves for a program that was killed stays reserved for 20 seconds.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import uuid
from typing import Any


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


def _whole_node(*_args: Any, **_kwargs: Any) -> Any:
    """A cluster autoscaler for a cluster that never changes: every dataset may use all of it."""
    import ray
    from ray.data._internal.cluster_autoscaler import ClusterAutoscaler
    from ray.data._internal.execution.interfaces import ExecutionResources

    total = ExecutionResources.from_resource_dict(ray.cluster_resources())

    class WholeNode(ClusterAutoscaler):  # type: ignore[misc]
        """The node, as it is."""

        def try_trigger_scaling(self) -> None:
            """There is nothing to ask for."""

        def on_executor_shutdown(self) -> None:
            """Nothing was reserved."""

        def get_total_resources(self) -> Any:
            return total

    return WholeNode()


def _one_kind_of_worker() -> None:
    """Shuffles ask for workers of their own, so that big ones do not keep the memory of others; with small data that only starts more."""
    prefix = "ray.data._internal."
    operators = prefix + "execution.operators."
    with contextlib.suppress(ImportError, AttributeError):
        for name in (prefix + "planner.plan_all_to_all_op", prefix + "planner.planner", operators + "hash_shuffle_v2"):
            vars(importlib.import_module(name))["_SHUFFLE_MAP_RUNTIME_ENV"] = None
        for name in ("shuffle_reduce_operator", "disk_shuffle_reduce_operator"):
            module: Any = importlib.import_module(operators + "shuffle_operators." + name)
            module._SHUFFLE_REDUCE_RUNTIME_ENV = collections.defaultdict(dict)


def apply() -> None:
    """Takes effect in this process. A name that another release of Ray lacks costs memory, nothing else."""
    executor: Any = importlib.import_module("ray.data._internal.execution.streaming_executor")
    if hasattr(executor, "create_cluster_autoscaler"):
        executor.create_cluster_autoscaler = _whole_node
    with contextlib.suppress(ImportError, AttributeError):
        stats: Any = importlib.import_module("ray.data._internal.stats")
        manager = stats._StatsManager
        for name in ("update_execution_metrics", "update_iteration_metrics", "register_dataset_to_stats_actor"):
            setattr(manager, name, staticmethod(_nothing))
        manager.gen_dataset_id_from_stats_actor = staticmethod(lambda: uuid.uuid4().hex)
        stats.get_or_create_stats_actor = _nothing
    _one_kind_of_worker()
    with contextlib.suppress(ImportError, AttributeError):
        collector: Any = importlib.import_module("ray.data._internal.usage.collector")
        callback: Any = importlib.import_module("ray.data._internal.usage.execution_callback")
        collector.record_usage_info = callback.record_usage_info = _nothing
