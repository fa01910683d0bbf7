"""Gives a run's outputs to whoever leased the cell. What programs leave there is hostile data: nothing of it is followed."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path

from aiohttp import web

from runner.protocol import RUN_ID

MAX_RESULT = 512 << 20
_CHUNK = 1 << 20
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_IRREGULAR = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EACCES, errno.EPERM, errno.EISDIR})


class RefusedError(Exception):
    """Why a result is not given, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def base_name(name: str) -> bool:
    """Whether a text is a file's name and nothing more."""
    return 0 < len(os.fsencode(name)) <= 255 and name not in (".", "..") and "/" not in name and "\0" not in name


class Outbox:
    """The outbox folder, held open from before the first program: whoever puts something else in its place moves nothing."""

    def __init__(self, folder: Path, limit: int = MAX_RESULT) -> None:
        self._folder = os.open(folder, _FOLDER)
        self._limit = limit

    def open(self, run_id: str, name: str) -> tuple[int, int]:
        """Opens an ordinary file that the run left: descriptor and size."""
        if not RUN_ID.match(run_id) or not base_name(name):
            raise RefusedError(403, "This is not the name of a result.")
        try:
            run = os.open(run_id, _FOLDER, dir_fd=self._folder)
            try:
                file = os.open(name, _FILE, dir_fd=run)
            finally:
                os.close(run)
        except OSError as error:
            if error.errno in _IRREGULAR:
                raise RefusedError(403, "A result of the program is not an ordinary file.") from error
            raise RefusedError(404, "The program did not leave that result.") from error
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            os.close(file)
            raise RefusedError(403, "A result of the program is not an ordinary file.")
        if about.st_size > self._limit:
            os.close(file)
            raise RefusedError(413, f"A result of the program has {about.st_size} bytes; {self._limit} are allowed.")
        return file, about.st_size

    async def give(self, request: web.Request) -> web.StreamResponse:
        """GET /runs/{id}/outputs/{name}: the file with its size at the time of asking, or a broken answer if it became shorter."""
        try:
            file, left = self.open(request.match_info["id"], request.match_info["name"])
        except RefusedError as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)
        try:
            response = web.StreamResponse(headers={"Content-Type": "application/octet-stream", "Cache-Control": "no-store"})
            response.content_length = left
            await response.prepare(request)
            while left:
                data = await asyncio.to_thread(os.read, file, min(left, _CHUNK))
                if not data:
                    raise ConnectionAbortedError("a result became shorter while it was read")
                left -= len(data)
                await response.write(data)
            await response.write_eof()
            return response
        finally:
            os.close(file)
