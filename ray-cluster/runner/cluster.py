"""The runner on a cluster's head: the runner protocol over the Ray Jobs API.

python -m runner.cluster --socket PATH --ray-address http://127.0.0.1:8265 --token-file F --work DIR
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from runner import pipes
from runner.clusterplace import ClusterPlace
from runner.jobs import Jobs
from runner.service import Service


def arguments(parser: argparse.ArgumentParser) -> None:
    """What a head takes, too."""
    parser.add_argument("--socket", type=Path, help="unix socket to serve on")
    parser.add_argument("--listen", default="", help="host:port to serve on; needs --service-token-file")
    parser.add_argument("--service-token-file", type=Path, help="bearer token that callers of --listen must show")
    parser.add_argument("--token-file", type=Path, help="Ray's token; without it RAY_AUTH_TOKEN is used")
    parser.add_argument("--work", required=True, type=Path, help="folder for sockets and scratch; keep the path short")
    parser.add_argument("--isolation", default="", help="what /health says")


def token(path: Path | None) -> str:
    """Reads a token file; an empty text when there is none."""
    return path.read_text().strip() if path is not None else ""


def ray_token(options: argparse.Namespace) -> str:
    """Ray's token: from the file, or, where a secret store hands it over as a variable, from the environment."""
    return token(options.token_file) or os.environ.get("RAY_AUTH_TOKEN", "")


async def serve(options: argparse.Namespace, address: str, *, gcs: str, forked: bool) -> None:
    """Starts to serve; returns when the Jobs API answers. `address` is the dashboard's, `gcs` that of Ray for drivers (empty: Ray says)."""
    import ray

    jobs = Jobs(address, ray_token(options))
    options.work.mkdir(parents=True, exist_ok=True)
    place = ClusterPlace(jobs, options.work, gcs=gcs, forked=forked, isolation=options.isolation)
    sites: list[web.AppRunner] = []
    if options.socket is not None:
        sites.append(await _site(Service(place, ray.__version__), lambda app: web.UnixSite(app, str(options.socket))))
    if options.listen:
        secret = token(options.service_token_file)
        if not secret:
            raise SystemExit("runner: --listen needs --service-token-file with a token in it")
        host, _, port = options.listen.rpartition(":")
        sites.append(await _site(Service(place, ray.__version__, token=secret), lambda app: web.TCPSite(app, host, int(port))))
    await place.open()


async def _site(service: Service, make: Any) -> web.AppRunner:
    runner = web.AppRunner(service.app(), access_log=None)
    await runner.setup()
    await make(runner).start()
    return runner


async def dashboard(options: argparse.Namespace, address: str) -> None:
    """Offers the dashboard beside the runner's socket; who may see what is decided there, not here."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    await pipes.unix_to_tcp(Path(f"{options.socket}.dashboard"), host, int(port))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="runner.cluster")
    arguments(parser)
    parser.add_argument("--ray-address", default="http://127.0.0.1:8265", help="of the dashboard")
    parser.add_argument("--gcs-address", default="", help="host:port that drivers join; empty: as Ray tells its jobs")
    options = parser.parse_args()
    sys.executable = os.path.abspath(sys.executable)  # noqa: PTH100 - resolving the link would leave the virtual environment

    async def run() -> None:
        await serve(options, options.ray_address, gcs=options.gcs_address, forked=False)
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()
