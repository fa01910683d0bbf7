"""A cell: a whole one-node Ray in this process's sandbox, and the runner protocol on a unix socket or, for whoever claims it, on TCP.

    python -m runner.cell --socket PATH --inbox DIR --outbox DIR --work DIR
    python -m runner.cell --listen 0.0.0.0:8700 --once 1800 --inbox DIR --outbox DIR --work DIR

The process that is started becomes the fork server; its one ordinary child starts Ray and serves. When either ends, all ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

from runner import tune
from runner.forkserver import start
from runner.timings import Timings


def parse(args: list[str]) -> argparse.Namespace:
    """The cell's arguments."""
    parser = argparse.ArgumentParser(prog="runner.cell", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--socket", type=Path, help="unix socket to serve on")
    parser.add_argument("--listen", default="", help="host:port to serve on, for the first who claims the cell")
    parser.add_argument(
        "--once",
        type=float,
        default=0,
        metavar="SECONDS",
        help="with --listen: how long a lessee may be silent before the cell ends; 0: for ever",
    )
    parser.add_argument("--inbox-http", action="store_true", help="with --listen: files may come by plain http from loopback, for tests")
    parser.add_argument("--inbox", required=True, type=Path, help="folder of the sources' files, read only")
    parser.add_argument("--outbox", required=True, type=Path, help="folder for outputs")
    parser.add_argument("--work", required=True, type=Path, help="folder for Ray's session and scratch; keep the path short")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--drivers", type=int, default=2, help="warm drivers to keep parked")
    parser.add_argument("--memory", type=int, default=0, help="bytes the cell may use; 0: no limit is known")
    parser.add_argument("--isolation", default="", help="what /health says")
    parser.add_argument("--store", type=int, default=0, help="bytes of the object store; 0: by the memory")
    parser.add_argument("--plasma-directory", default="", help="where the object store lies; empty: /dev/shm")
    parser.add_argument("--no-fork-server", action="store_true", help="start Ray's workers the ordinary way")
    parser.add_argument("--timings", action="store_true", help="print the phases of the start as JSON on stdout")
    options = parser.parse_args(args)
    if options.socket is None and not options.listen:
        parser.error("give --socket or --listen")
    return options


def main() -> None:
    """Entry point."""
    options = parse(sys.argv[1:])
    timings = Timings(options.timings)
    for folder in (options.work, options.inbox, options.outbox):
        folder.mkdir(parents=True, exist_ok=True)
    start.environment(tune.cell_env())
    if options.no_fork_server:
        sys.exit(serve(options, timings, None))
    start.run(lambda sock: serve(options, timings, sock), options.work, imported=lambda: timings.mark("import_ray"))


def serve(options: argparse.Namespace, timings: Timings, fork_socket: Path | None) -> int:
    """Starts Ray and serves until the process is ended."""
    from runner.cellplace import CellPlace

    place = CellPlace(options, fork_socket)
    started: dict[str, Any] = {}
    loop = asyncio.new_event_loop()

    def start_ray() -> None:
        from runner import node

        try:
            started["node"] = node.start_node(
                node.NodeOptions(
                    work=options.work / "ray",
                    cpus=options.cpus,
                    store_bytes=options.store or tune.cell_store_bytes(options.memory),
                    fork_socket=fork_socket,
                    plasma_directory=options.plasma_directory,
                )
            )
            timings.mark("ray_started")
            loop.call_soon_threadsafe(place.ray_started, started["node"])
        except BaseException as error:
            print(f"runner: Ray did not start: {error!r}", file=sys.stderr, flush=True)
            os._exit(70)
        threading.Event().wait()  # Ray's processes die with the thread that started them

    threading.Thread(target=start_ray, name="ray-node", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        loop.run_until_complete(_serve(options, place, timings))
    return 0


async def _serve(options: argparse.Namespace, place: Any, timings: Timings) -> None:
    import ray

    from runner import remote
    from runner.service import Service

    if options.socket is not None:
        await remote.on_socket(Service(place, ray.__version__).app(), options.socket)
    lease = await remote.on_network(options, place, ray.__version__) if options.listen else None
    await place.warm(timings.mark)
    timings.mark("warm")
    timings.show()
    ends = [asyncio.create_task(place.lost())]
    if lease is not None:
        ends.append(asyncio.create_task(lease.over()))
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)


if __name__ == "__main__":
    main()
