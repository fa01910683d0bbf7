"""What every worker process of Ray does before it takes work: it keeps the program's stderr apart from Ray's, and leads reads.

Ray calls `install` in each worker because the environment of its node names it (tune.py): a runtime_env would cost fresh workers.
"""

from __future__ import annotations

import builtins
import contextlib
import logging
import sys
import threading
from typing import Any

HOOK = "runner.workers.install"
MARK = "\x1e"  # begins every line of stderr that is the program's
_RAYS = (":task_name:", ":actor_name:", ":job_id:")


class Marked:
    """A worker's stdout or stderr, whose lines can be told from Ray's in the same file. `lines`: mark every line of the program's."""

    def __init__(self, stream: Any, *, lines: bool) -> None:
        self._stream = stream
        self._lines = lines
        self._fresh = True  # in the file, a line begins
        self._inside = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text, marked where it has to be."""
        with self._inside:
            if text.startswith(_RAYS):  # Ray says whose lines follow
                marked = text if self._fresh else MARK + text
            elif self._lines and text:
                marked = (MARK if self._fresh else "") + text[:-1].replace("\n", "\n" + MARK) + text[-1]
            else:
                marked = text
            if text:
                self._stream.write(marked)
                self._fresh = text.endswith("\n")
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)


def install() -> None:
    """Prepares this worker. Ray ends a worker whose hook fails, so nothing in here may."""
    for name in ("ray", "ray.data", "ray._private"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.stdout = Marked(sys.stdout, lines=False)  # type: ignore[assignment,unused-ignore]
    sys.stderr = Marked(sys.stderr, lines=True)  # type: ignore[assignment,unused-ignore]
    with contextlib.suppress(Exception):
        from runner import workerreads

        workerreads.install()
    vars(builtins)["_ray_is_up"] = _context


def _context() -> Any:
    """What a function that calls ray.init once more gets (initcall.py)."""
    from runner.drive import Context

    return Context()
