"""A cluster's head: Ray with its dashboard, the fork server, the runner, the way to the dashboard and the way to S3, in one sandbox.

    python -m runner.head --work DIR --socket PATH --token-file F [--s3-socket PATH]

As in a cell, the process that is started becomes the fork server, and everything ends with it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from runner import cluster, pipes, tune
from runner.forkserver import start
from runner.timings import Timings


def parse(args: list[str]) -> argparse.Namespace:
    """The head's arguments."""
    parser = argparse.ArgumentParser(prog="runner.head")
    cluster.arguments(parser)
    parser.add_argument("--s3-socket", type=Path, help="unix socket of an S3 server, offered at 127.0.0.1:9000")
    parser.add_argument("--s3-port", type=int, default=9000)
    parser.add_argument("--cpus", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--memory", type=int, default=0, help="bytes Ray may plan with; 0: what it finds")
    parser.add_argument("--store", type=int, default=0, help="bytes of the object store; 0: by the memory and /dev/shm")
    parser.add_argument("--plasma-directory", default="", help="where the object store lies; empty: /dev/shm")
    parser.add_argument("--node-ip-address", default="127.0.0.1")
    parser.add_argument("--dashboard-port", type=int, default=8265)
    parser.add_argument("--gcs-port", type=int, default=6379)
    parser.add_argument("--autoscaling-config", default="", help="file for Ray's autoscaler; empty: a head alone")
    parser.add_argument("--no-fork-server", action="store_true")
    parser.add_argument("--timings", action="store_true", help="print the phases of the start as JSON on stdout")
    return parser.parse_args(args)


def main() -> None:
    """Entry point."""
    options = parse(sys.argv[1:])
    timings = Timings(options.timings)
    options.work.mkdir(parents=True, exist_ok=True)
    start.environment(tune.head_env(options.cpus))
    os.environ["RAY_AUTH_TOKEN"] = cluster.ray_token(options)
    if options.autoscaling_config:
        os.environ.update({k: v for k, v in tune.autoscaler_env().items() if k not in os.environ})
    if options.node_ip_address == "127.0.0.1":
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if options.no_fork_server:
        sys.exit(serve(options, timings, None))
    start.run(lambda sock: serve(options, timings, sock), options.work, imported=lambda: timings.mark("import_ray"))


def store_bytes(options: argparse.Namespace) -> int:
    """Object store: as told, else a share of the memory that fits where it lies, because Ray would fall back to the disk."""
    if options.store:
        return int(options.store)
    memory = options.memory or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(tune.head_store_bytes(memory), int(shutil.disk_usage(options.plasma_directory or "/dev/shm").free * 0.9))


def serve(options: argparse.Namespace, timings: Timings, fork_socket: Path | None) -> int:
    """Starts Ray and serves until the process is ended."""
    started: dict[str, Any] = {}
    has_ray = threading.Event()

    def start_ray() -> None:
        from runner import node

        try:
            started["node"] = node.start_node(
                node.NodeOptions(
                    work=options.work / "ray",
                    cpus=options.cpus,
                    store_bytes=store_bytes(options),
                    memory=options.memory,
                    dashboard=True,
                    dashboard_port=options.dashboard_port,
                    gcs_port=options.gcs_port,
                    fork_socket=fork_socket,
                    address=options.node_ip_address,
                    autoscaling_config=options.autoscaling_config,
                    plasma_directory=options.plasma_directory,
                )
            )
        except BaseException as error:
            print(f"runner: Ray did not start: {error!r}", file=sys.stderr, flush=True)
            os._exit(70)
        timings.mark("ray_started")
        has_ray.set()
        threading.Event().wait()  # Ray's processes die with the thread that started them

    threading.Thread(target=start_ray, name="ray-node", daemon=True).start()
    asyncio.run(_serve(options, timings, fork_socket is not None, has_ray, started))
    return 0


async def _serve(options: argparse.Namespace, timings: Timings, forked: bool, has_ray: threading.Event, started: dict[str, Any]) -> None:
    if options.s3_socket is not None:
        await pipes.tcp_to_unix("127.0.0.1", options.s3_port, options.s3_socket)
    await asyncio.to_thread(has_ray.wait)
    node = started["node"]
    address = f"http://{node.webui_url}"
    if options.socket is not None:
        await cluster.dashboard(options, address)
    await cluster.serve(options, address, gcs=node.address, forked=forked)
    timings.mark("ready")
    timings.show()
    while node.remaining_processes_alive():
        await asyncio.sleep(1)
    print("runner: a process of Ray has died", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
