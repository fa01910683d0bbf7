"""Forwards bytes between a socket of this sandbox and one of another kind: the dashboard out, the S3 server in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

_CHUNK = 256 << 10
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def unix_to_tcp(path: Path, host: str, port: int) -> asyncio.AbstractServer:
    """Serves a unix socket whose connections go to host:port."""
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(_forwarder(lambda: asyncio.open_connection(host, port)), path)
    path.chmod(0o600)
    return server


async def tcp_to_unix(host: str, port: int, path: Path) -> asyncio.AbstractServer:
    """Serves host:port with connections to a unix socket."""
    return await asyncio.start_server(_forwarder(lambda: asyncio.open_unix_connection(path)), host, port)


def _forwarder(connect: Connect) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await connect()
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                end.close()

    return forward


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
