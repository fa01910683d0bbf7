"""What a program shows: printed text, tables, figures and charts become outputs, in the order they were shown."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Protocol

from runner import charts, failure, tables
from runner.protocol import Limits

_BATCH_SECONDS = 0.1
_BATCH_CHARS = 16 << 10
NOTHING = "The program ran and printed nothing."


class Outbox(Protocol):
    """Where whole tables and images go."""

    def create(self, name: str) -> Any:
        """Opens a new file for writing bytes."""

    def ref(self, name: str) -> str:
        """What the protocol calls the file."""


class Screen:
    """Collects everything a program shows. Safe to use from several threads.

    One lock is of what waits to be sent. Another keeps values that are shown apart: making them can take as long as the program itself,
    because a Dataset runs only then, and what its workers print meanwhile must go on its way.
    """

    before_output: Callable[[], None] = staticmethod(lambda: None)  # brings what workers have printed until now

    def __init__(self, emit: Callable[[str, dict[str, Any]], None], outbox: Outbox, limits: Limits) -> None:
        self._emit = emit
        self._outbox = outbox
        self._limits = limits
        self._lock = threading.RLock()
        self._showing = threading.RLock()  # taken before _lock, never inside it
        self._text: list[str] = []
        self._live: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._live_chars = 0
        self._last = time.monotonic()
        self._printed = 0
        self._cut = False
        self._raw_left = limits.output_bytes
        self._outputs = 0
        self._files = 0

    def write(self, text: str, stream: str = "stdout") -> bool:
        """Takes printed text; beyond the limit it is dropped, and said so once. Returns whether more is wanted."""
        with self._lock:
            if stream == "raw":
                return self._write_raw(text)
            if self._cut or not text:
                return not self._cut
            size = len(text.encode("utf-8", "replace"))
            left = self._limits.output_bytes - self._printed
            if size > left:
                text = self._cut_to(text, left)
                self._cut = True
            self._printed += size
            if stream == "stdout":
                self._text.append(text)
            self._live[stream].append(text)
            self._live_chars += len(text)
            if self._live_chars >= _BATCH_CHARS or ("\n" in text and time.monotonic() - self._last >= _BATCH_SECONDS):
                self.flush()
            return not self._cut

    def _write_raw(self, text: str) -> bool:
        """Passes on what is not of the program's streams. It has a limit of its own: it must not use up the program's."""
        if self._raw_left <= 0 or not text:
            return self._raw_left > 0
        size = len(text.encode("utf-8", "replace"))
        if size > self._raw_left:
            text = self._cut_to(text, self._raw_left)
        self._raw_left -= size
        self._emit("log", {"stream": "raw", "text": text})
        return self._raw_left > 0

    def _cut_to(self, text: str, size: int) -> str:
        kept = text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
        return kept + f"\n[The output limit of {self._limits.output_bytes} bytes is reached; the rest is dropped.]\n"

    def flush(self) -> None:
        """Sends printed text that waits to the log."""
        with self._lock:
            for stream, parts in self._live.items():
                if parts:
                    self._emit("log", {"stream": stream, "text": "".join(parts)})
                    parts.clear()
            self._live_chars = 0
            self._last = time.monotonic()

    def show(self, item: Any, name: str = "") -> None:
        """Shows a value, as display(x) and the last expression do."""
        if item is None:
            return
        with self._showing:
            with self._lock:
                self._flush_text()
            self._show(self._convert(item), name)

    def figures(self) -> None:
        """Shows all open matplotlib figures and closes them."""
        with self._showing:
            for figure in charts.open_figures():
                self._show(self._image(figure), "")
                charts.close(figure)

    def _show(self, data: dict[str, Any], name: str) -> None:
        self.before_output()
        with self._lock:
            self._flush_text()
            self._output(data, name)

    def finish(self) -> None:
        """Shows what is still waiting; says so when there was nothing at all."""
        self.figures()
        with self._lock:
            if self._outputs == 0 and not "".join(self._text).strip("\n\r"):
                self._text.clear()
                self._output({"kind": "text", "text": NOTHING}, "")
            self._flush_text()

    def rest(self) -> None:
        """After a failure: shows what was printed before it."""
        with self._lock:
            self._flush_text()
            self.flush()

    def _flush_text(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if text:
            self._output({"kind": "text", "text": text}, "")

    def _output(self, data: dict[str, Any], name: str) -> None:
        self.flush()
        if self._outputs >= self._limits.max_outputs:
            raise failure.OutputLimitError(f"The program shows more than {self._limits.max_outputs} outputs.")
        self._outputs += 1
        self._emit("output", {**data, "name": name} if name else data)

    def _convert(self, item: Any) -> dict[str, Any]:
        if charts.is_figure(item):
            data = self._image(charts.figure_of(item))
            charts.close(charts.figure_of(item))
            return data
        spec = charts.spec_of(item)
        if spec is not None:
            return {"kind": "chart", "spec": spec}
        item = _as_table(item)
        if tables.is_table(item):
            return {"kind": "table", "table": self._table(item)}
        return {"kind": "text", "text": _text_of(item)}

    def _table(self, item: Any) -> dict[str, Any]:
        name = self._file("parquet")
        with self._outbox.create(name) as sink:
            writer = tables.Writer(sink, self._limits.inline_rows)
            writer.write(tables.batches(item))
        return {**writer.inline(), "file": self._outbox.ref(name)}

    def _image(self, figure: Any) -> dict[str, Any]:
        png, width, height = charts.png(figure)
        name = self._file("png")
        with self._outbox.create(name) as sink:
            sink.write(png)
        return {"kind": "image", "image": {"file": self._outbox.ref(name), "width": width, "height": height}}

    def _file(self, suffix: str) -> str:
        self._files += 1
        return str(PurePosixPath(f"output-{self._files}.{suffix}"))


def _as_table(item: Any) -> Any:
    """Lists and dicts of plain values read best as tables, too."""
    plain = (str, int, float, bool, type(None))
    if isinstance(item, dict) and item and all(isinstance(v, plain) or _is_scalar(v) for v in item.values()):
        return [item]
    if isinstance(item, (list, tuple)) and item and all(isinstance(v, plain) for v in item):
        return [{"value": v} for v in item]
    return item


def _is_scalar(item: Any) -> bool:
    """Whether it is one of numpy's scalars."""
    return hasattr(item, "item") and hasattr(item, "dtype") and not getattr(item, "ndim", 0)


def _text_of(item: Any) -> str:
    if isinstance(item, str):
        return item
    if _is_scalar(item):
        return str(item.item())
    return repr(item)


class Stream(io.TextIOBase):
    """sys.stdout and sys.stderr of a program."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, screen: Screen, name: str, fd: int) -> None:
        self._screen = screen
        self._name = name
        self._fd = fd

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._screen.write(text, self._name)
        return len(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        return

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._fd
