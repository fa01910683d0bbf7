"""Fetches a session's sources into a cell's inbox from presigned addresses: the cell has no credentials of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from runner.outbox import base_name
from runner.protocol import BadRequestError, decode

MAX_TOTAL = 16 << 30
WAIT_SECONDS = 20.0
DOWNLOAD_SECONDS = 900.0
STALL_SECONDS = 30.0
_SPARE = 64 << 20  # what the disk keeps free
_CHUNK = 1 << 20
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class StoreError(Exception):
    """The store's answer is not the file; the status is the store's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class _Entry:
    """A file of the inbox, on its way or there."""

    size: int
    task: asyncio.Task[tuple[int, int]]  # gives the file's identity when it is complete


class Inbox:
    """The inbox folder and what was fetched into it."""

    def __init__(self, folder: Path, *, plain_http: bool = False, limit: int = MAX_TOTAL, wait: float = WAIT_SECONDS) -> None:
        self._folder = folder
        self._plain_http = plain_http
        self._limit = limit
        self._wait = wait
        self._files: dict[str, _Entry] = {}

    async def take(self, request: web.Request) -> web.Response:
        """POST /inbox {name, url, size}: 200 when the file is there, 202 while it comes; ask again until then."""
        body = decode(await request.read())
        name, url, size = self._checked(body)
        entry = self._files.get(name)
        if entry is not None and entry.size != size:
            return web.json_response({"error": "Another file has this name already."}, status=409)
        if entry is None or not self._sound(name, entry):
            if sum(e.size for n, e in self._files.items() if n != name) + size > self._limit or not self._fits(size):
                return web.json_response({"error": "The files of this session are too large for this cell."}, status=413)
            entry = self._files[name] = _Entry(size, asyncio.create_task(self._fetch(name, url, size)))
        await asyncio.wait({entry.task}, timeout=self._wait)
        if not entry.task.done():
            return web.json_response({"name": name, "complete": False}, status=202)
        return self._outcome(name, entry)

    def _outcome(self, name: str, entry: _Entry) -> web.Response:
        error = entry.task.exception()
        if error is None:
            return web.json_response({"name": name, "complete": True})
        if self._files.get(name) is entry:
            del self._files[name]  # the next request tries again
        sentence = str(error) if isinstance(error, StoreError) else f"The file could not be fetched: {type(error).__name__}."
        return web.json_response({"error": sentence, "store": error.status if isinstance(error, StoreError) else 0}, status=424)

    def _checked(self, body: Any) -> tuple[str, str, int]:
        if not isinstance(body, dict) or set(body) != {"name", "url", "size"}:
            raise BadRequestError('The body must be {"name": text, "url": text, "size": bytes}.')
        name, url, size = body["name"], body["url"], body["size"]
        if not isinstance(name, str) or not base_name(name) or name.startswith("."):
            raise BadRequestError("name must be the plain name of a file.")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise BadRequestError("size must be a whole number of bytes.")
        if not isinstance(url, str) or not self._allowed(url):
            raise BadRequestError("url must be an https address.")
        return name, url, size

    def _allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return False
        if parts.username is not None or not host:
            return False
        return parts.scheme == "https" or (parts.scheme == "http" and self._plain_http and host in _LOOPBACK)

    def _fits(self, size: int) -> bool:
        return shutil.disk_usage(self._folder).free - size > _SPARE

    def _sound(self, name: str, entry: _Entry) -> bool:
        """A program may write here, too: a file that is no longer what was fetched is fetched again."""
        if not entry.task.done() or entry.task.exception() is not None:
            return True  # on its way, or its failure is still to be told
        try:
            about = os.lstat(self._folder / name)
        except OSError:
            return False
        return (about.st_ino, about.st_ctime_ns) == entry.task.result()

    async def _fetch(self, name: str, url: str, size: int) -> tuple[int, int]:
        part = self._folder / f".{secrets.token_hex(8)}.part"
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444)
        try:
            await self._copy(file, url, size)
            part.rename(self._folder / name)
            about = os.fstat(file)
            return about.st_ino, about.st_ctime_ns
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        finally:
            os.close(file)

    async def _copy(self, file: int, url: str, size: int) -> None:
        timeout = aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS, sock_connect=10, sock_read=STALL_SECONDS)
        headers = {"Accept-Encoding": "identity", "User-Agent": "orcray"}
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, auto_decompress=False) as session,
            session.get(URL(url, encoded=True), allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise StoreError(answer.status, f"The store of objects answers {answer.status}; a file was expected.")
            if answer.content_length is not None and answer.content_length != size:
                raise StoreError(200, f"The file has {answer.content_length} bytes; {size} were announced.")
            count = 0
            async for data in answer.content.iter_chunked(_CHUNK):
                count += len(data)
                if count > size:
                    break
                await asyncio.to_thread(_write_all, file, data)
        if count != size:
            raise StoreError(200, f"{size} bytes were announced, {'more' if count > size else count} came.")


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
