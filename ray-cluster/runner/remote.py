"""Where a cell serves: on a unix socket to the machine it is on, or on the network to whoever claims it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from aiohttp import web

from runner.inbox import Inbox
from runner.lease import Lease
from runner.outbox import Outbox
from runner.service import Place, Service


async def on_socket(app: web.Application, path: Path) -> None:
    """Serves a unix socket."""
    path.unlink(missing_ok=True)
    await web.UnixSite(await _set_up(app), str(path)).start()


async def on_network(options: argparse.Namespace, place: Place, version: str) -> Lease:
    """Serves TCP; what a sandbox's folders are on one machine, requests are here. Returns the lease that ends the cell."""
    lease = Lease(options.once, lambda: place.ready)
    inbox, outbox = Inbox(options.inbox, plain_http=options.inbox_http), Outbox(options.outbox)
    routes = [*lease.routes(), web.post("/inbox", inbox.take), web.get("/runs/{id}/outputs/{name}", outbox.give)]
    host, _, port = options.listen.rpartition(":")
    site: Any = web.TCPSite(await _set_up(Service(place, version, lease=lease).app(routes)), host, int(port))
    await site.start()
    return lease


async def _set_up(app: web.Application) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    return runner
