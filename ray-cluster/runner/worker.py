"""A worker node of a cluster: a raylet that joins a head, with a fork server of its own.

    python -m runner.worker --work DIR --head HOST:PORT

Ray's token comes in RAY_AUTH_TOKEN, and what the autoscaler knows this node by in RAY_CLOUD_INSTANCE_ID and RAY_NODE_TYPE_NAME. The
process ends when its raylet does (the head drained it, or is gone), and everything ends with it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from runner import tune
from runner.forkserver import start
from runner.timings import Timings

_WATCH_SECONDS = 0.5
_END_SECONDS = 10.0


def parse(args: list[str]) -> argparse.Namespace:
    """The worker's arguments."""
    parser = argparse.ArgumentParser(prog="runner.worker")
    parser.add_argument("--work", required=True, type=Path, help="folder for Ray's session; keep the path short")
    parser.add_argument("--head", required=True, help="host:port of the head's GCS")
    parser.add_argument("--cpus", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--memory", type=int, default=0, help="bytes Ray may plan with; 0: what it finds")
    parser.add_argument("--store", type=int, default=0, help="bytes of the object store; 0: by the memory")
    parser.add_argument("--plasma-directory", default="", help="where the object store lies; empty: /dev/shm")
    parser.add_argument("--node-ip-address", default="127.0.0.1")
    parser.add_argument("--resources", type=json.loads, default={}, help="further resources, as JSON")
    parser.add_argument("--labels", type=json.loads, default={}, help="labels, as JSON")
    parser.add_argument("--parent", type=int, default=0, help="process that this one must not outlive; 0: none")
    parser.add_argument("--no-fork-server", action="store_true", help="start Ray's workers the ordinary way")
    parser.add_argument("--timings", action="store_true", help="print the phases of the start as JSON on stdout")
    return parser.parse_args(args)


def main() -> None:
    """Entry point."""
    options = parse(sys.argv[1:])
    timings = Timings(options.timings)
    options.work.mkdir(parents=True, exist_ok=True)
    start.environment(tune.head_env(options.cpus))
    if options.node_ip_address == "127.0.0.1":
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if options.no_fork_server:
        sys.exit(serve(options, timings, None))
    start.run(lambda sock: serve(options, timings, sock), options.work, imported=lambda: timings.mark("import_ray"), polite=True)


def serve(options: argparse.Namespace, timings: Timings, fork_socket: Path | None) -> int:
    """Joins the head and stays until the raylet is gone, a signal comes, or the parent has ended."""
    from runner import node

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ray_node: Any = node.start_node(
        node.NodeOptions(
            work=options.work / "ray",
            cpus=options.cpus,
            store_bytes=options.store or tune.head_store_bytes(options.memory),
            memory=options.memory,
            fork_socket=fork_socket,
            address=options.node_ip_address,
            gcs_address=options.head,
            plasma_directory=options.plasma_directory,
            resources=options.resources,
            labels=options.labels,
        )
    )
    timings.mark("joined")
    timings.show()
    while not ended.wait(_WATCH_SECONDS):
        if ray_node.dead_processes():
            break
        if options.parent and not Path(f"/proc/{options.parent}").exists():
            break
    # A raylet that will not end is ended with this process: it dies when the thread that started it does.
    threading.Timer(_END_SECONDS, os._exit, (0,)).start()
    ray_node.kill_all_processes(check_alive=False, allow_graceful=True)
    os._exit(0)


if __name__ == "__main__":
    main()
