"""Settings of Ray: what a cell, a head and a dataset need instead of the defaults made for large clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner import workers

_DAY_MS = 86_400_000
_GIB = 1 << 30

# Read by the raylet, the GCS and every worker when they start.
_COMMON = {
    # Without these a new worker starts for nearly every stage of a small pipeline: idle ones above num_cpus die after 1 s.
    "RAY_num_workers_soft_limit": "8",
    "RAY_idle_worker_killing_time_threshold_ms": str(7 * _DAY_MS),
    # Workers would run at niceness 15: on a busy machine they starve, while their driver waits for them.
    "RAY_worker_niceness": "0",
    # An agent forked by the fork server is not the raylet's child: it learns of the raylet's end from its stdin.
    "RAY_enable_pipe_based_agent_to_parent_health_check": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_TQDM": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # a thread at fork time would be lost in every child
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "PYTHONUNBUFFERED": "1",
    # What Ray's runtime_env would set as worker_process_setup_hook, but for all workers: it needs the runner on their PYTHONPATH.
    "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": workers.HOOK,
}

# A parked cell is frozen for an hour and more. Nothing in it may take the silence for a death.
_FREEZABLE = {
    "RAY_health_check_initial_delay_ms": "60000",
    "RAY_health_check_period_ms": "60000",
    "RAY_health_check_timeout_ms": str(_DAY_MS),
    "RAY_health_check_failure_threshold": "1000",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",
    "RAY_gcs_server_request_timeout_seconds": "300",
    "RAY_grpc_keepalive_time_ms": str(_DAY_MS),
    "RAY_grpc_keepalive_timeout_ms": str(_DAY_MS),
    "RAY_grpc_client_keepalive_time_ms": str(_DAY_MS),
    "RAY_grpc_client_keepalive_timeout_ms": str(_DAY_MS),
    "RAY_worker_register_timeout_seconds": "86400",
    "RAY_agent_register_timeout_ms": str(_DAY_MS),
    "RAY_enable_worker_prestart": "1",
    # A driver that is told 127.0.0.1 would otherwise look for the outward address and wait for it in vain.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # What a cell has no use for: nobody looks at its metrics, events and usage.
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_event_stats": "0",
    "RAY_memory_monitor_refresh_ms": "250",
}


def cell_env() -> dict[str, str]:
    """Environment of every process of a cell."""
    return {**_COMMON, **_FREEZABLE}


def head_env(cpus: int) -> dict[str, str]:
    """Environment of every process of a head with `cpus` CPUs."""
    # No prestarted workers: their logs carry no job, so one run's prints could reach another's reader.
    return {
        **_COMMON,
        "RAY_num_workers_soft_limit": str(max(8, 2 * cpus)),
        "RAY_AUTH_MODE": "token",
        "RAY_JOB_STOP_WAIT_TIME_S": "1",
    }


def autoscaler_env() -> dict[str, str]:
    """Environment of a head that gets workers and loses them."""
    return {
        "RAY_enable_autoscaler_v2": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",  # one pass costs milliseconds, and somebody waits for the worker
        # A worker whose machine is gone is missed after 3 to 4 seconds, not after 15.
        "RAY_health_check_initial_delay_ms": "2000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "3000",
        "RAY_health_check_failure_threshold": "3",
    }


@dataclass(frozen=True)
class Sizes:
    """Numbers of a DataContext: how many blocks a read makes, how many partitions a shuffle has."""

    blocks: int
    shuffle: int


def sizes(total_bytes: int, cpus: float) -> Sizes:
    """Chooses the sizes for reading `total_bytes` (as stored) on `cpus` CPUs.

    Below 64 MiB one block is fastest: the work is smaller than the start of a second task. Above, one block per 64 MiB, at least one
    and at most four a CPU while that keeps a block under 512 MiB.
    """
    small = 64 << 20
    if total_bytes <= small:
        return Sizes(1, 1)
    by_size = -(-total_bytes // small)
    most = max(int(4 * cpus), -(-total_bytes // (512 << 20)))
    blocks = max(2, min(by_size, most))
    return Sizes(int(blocks), int(max(2, min(blocks, max(2, 2 * cpus)))))


def plain(context: Any) -> None:
    """Makes a DataContext quiet, and its pandas batches what programs expect."""
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.enable_auto_log_stats = False
    # Arrow-backed columns lack operators that every program uses: `df["id"] % 2` would not be implemented.
    context.enable_arrow_backed_pandas_conversion = False


def apply(context: Any, chosen: Sizes) -> None:
    """Applies sizes to a DataContext."""
    context.read_op_min_num_blocks = chosen.blocks
    context.min_parallelism = chosen.blocks
    context.default_hash_shuffle_parallelism = chosen.shuffle


def cell_store_bytes(memory_bytes: int) -> int:
    """Object store of a cell: 150 MiB, or a sixth of a small memory limit."""
    return min(150 << 20, max(78 << 20, memory_bytes // 6)) if memory_bytes else 150 << 20


def head_store_bytes(memory_bytes: int) -> int:
    """Object store of a head: 30 % of its memory, at most 20 GiB."""
    return max(128 << 20, min(20 * _GIB, int(memory_bytes * 0.3)))
