"""Output of functions that ran in workers: Ray writes it to files, and this reads what is new there."""

from __future__ import annotations

import codecs
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.workers import MARK

# Ray marks in these files which task or job the following lines belong to; behind MARK when the program's own line is not at its end.
_RAYS = re.compile(rf"(?:^|{MARK}):(?:task_name|actor_name|job_id):.*\n?", re.M)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # str.splitlines would cut at MARK, too
_CHUNK = 256 << 10
_QUIET_SECONDS, _SETTLE_SECONDS = 0.5, 10.0

Write = Callable[[str, str], bool]  # text and stream; says whether more is wanted


def split(text: str, is_err: bool, stream: str = "") -> Iterator[tuple[str, str]]:
    """Takes Ray's marks out of whole lines and says which stream each belongs to. `stream`: that of a line which began earlier."""
    text = _RAYS.sub("", text)
    if not is_err:
        if text:
            yield "stdout", text
        return
    for line in _LINE.findall(text):
        stream = stream or ("stderr" if line.startswith(MARK) else "raw")
        yield stream, line.replace(MARK, "")
        stream = ""


@dataclass
class _Place:
    """How far a file is read."""

    offset: int = 0
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    stream: str = ""  # of the line in whose middle the reading stopped


class Tail:
    """Follows the workers' files of one folder, from their present ends. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._places = {path: _Place(path.stat().st_size) for path in self._files()}

    def _files(self) -> list[Path]:
        return sorted([*self._folder.glob("worker-*.out"), *self._folder.glob("worker-*.err")])

    def pump(self, write: Write, *, last: bool = False) -> None:
        """Hands over what is new: whole lines, a piece of each file. `last`: all there is, to its end, as long as it is wanted."""
        with self._lock:
            for path in self._files():
                place = self._places.setdefault(path, _Place())
                end = path.stat().st_size  # a function that runs on may write for ever
                while place.offset < end and self._piece(path, place, write, last) and last:
                    pass

    def _piece(self, path: Path, place: _Place, write: Write, last: bool) -> bool:
        """Hands over one piece; returns whether there can be another that is wanted."""
        with path.open("rb") as file:
            file.seek(place.offset)
            data = file.read(_CHUNK)
        end = data.rfind(b"\n") + 1
        if end == 0:
            if len(data) < _CHUNK and not last:
                return False
            end = len(data)  # one endless line, or one that has no end
        place.offset += end
        err = path.suffix == ".err"
        wanted = dict.fromkeys(("stderr", "raw") if err else ("stdout",), True)
        parts: dict[str, list[str]] = {}
        stream = ""
        for stream, text in split(place.decoder.decode(data[:end], final=last and len(data) < _CHUNK), err, place.stream):
            parts.setdefault(stream, []).append(text)
        place.stream = "" if data[:end].endswith(b"\n") else stream
        for stream, texts in parts.items():
            wanted[stream] = write("".join(texts), stream)
        return any(wanted.values())


class Feed:
    """Takes the lines that Ray's log monitors send to a driver, from all nodes, of this driver's job only."""

    def __init__(self, job: str, write: Write) -> None:
        self._job = job
        self._write = write
        self._last = 0.0

    def install(self) -> None:
        """Replaces Ray's own printing of such lines."""
        import importlib

        module: Any = importlib.import_module("ray._private.ray_logging")
        dispatcher = module.global_worker_stdstream_dispatcher
        dispatcher.remove_handler("ray_print_logs")
        dispatcher.add_handler("orcray", self.take)

    def take(self, data: dict[str, Any]) -> None:
        """Takes lines of one worker."""
        if data.get("job") != self._job:
            return
        self._last = time.monotonic()
        for stream, text in split("".join(f"{line}\n" for line in data.get("lines", [])), bool(data.get("is_err"))):
            self._write(text, stream)

    def settle(self) -> None:
        """Gives lines that are on their way a moment: until none has come for half a second."""
        start = time.monotonic()
        while time.monotonic() - max(self._last, start) < _QUIET_SECONDS:
            if time.monotonic() - start > _SETTLE_SECONDS:
                self._write("[Workers went on printing after the program's end; what comes later is dropped.]\n", "raw")
                return
            time.sleep(0.05)
