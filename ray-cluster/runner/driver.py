"""The driver process of one run: connects to Ray, warms it, waits, runs one program, ends.

Its whole process group can be killed without harm to Ray or to the runner. It talks to the runner over a unix socket, a JSON object a
line: `{"hello": key}`, `{"ready": seconds}` when it has joined Ray, `{"warm": seconds}` when it is warm, `{"began": true}` when it has
the run, then events; from the runner comes one line with the run, at any time from `ready` on: what is not warm by then is left cold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner import lean, protocol, tune


class Channel:
    """The line to the runner. Sends from any thread."""

    def __init__(self, path: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.connect(path)
        self._lock = threading.Lock()
        self._file = self._sock.makefile("rb")

    def send(self, message: dict[str, Any]) -> None:
        """Sends one line; waits while the runner does not take it, so a program that shouts slows itself down."""
        data = protocol.encode_line(message)
        with self._lock:
            self._sock.sendall(data)

    def receive(self) -> Any:
        """Waits for one line."""
        line = self._file.readline()
        if not line:
            raise EOFError("the runner is gone")
        return json.loads(line)

    def waiting(self, seconds: float = 0) -> bool:
        """Whether a first line has come, or comes within so many seconds."""
        return bool(select.select([self._sock], [], [], seconds)[0])


def quiet() -> None:
    """Silences Ray's own output where it is made, so that nothing of the program's has to be filtered."""
    for name in ("ray", "ray.data", "ray.tune", "ray._private"):
        logging.getLogger(name).setLevel(logging.ERROR)


def divert(write: Callable[[str], Any]) -> None:
    """Hands what Ray itself has to say to `write`.

    Ray prints the raylet's warnings to `sys.stdout` at any time, whatever `log_to_driver` is, and there they would be taken for the
    program's answer.
    """
    from ray._private import worker

    worker.print_to_stdstream = lambda data, ignore_prefix=False: write("".join(f"{line}\n" for line in data["lines"]))


def connect(address: str, *, feed: bool) -> None:
    """Joins Ray as a driver; `feed`: lines that workers print on any node come here."""
    import ray
    import ray.data

    quiet()
    divert(lambda text: print(text, end="", file=sys.stderr, flush=True))
    ray.init(address=address, log_to_driver=feed, logging_level=logging.ERROR, configure_logging=False, namespace=f"orcray-{os.getpid()}")
    # Ray turns SIGTERM into an exception in the program; a program that is stopped has nothing more to say.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tune.plain(ray.data.DataContext.get_current())
    quiet()


# How long a driver waits for a run before it begins to warm itself: somebody who waits for it sends one at once.
_BEFORE_WARM_SECONDS = 0.02


def warm(folder: Path, wanted: Callable[[float], bool]) -> bool:
    """Runs a tiny pipeline, so that this driver's workers are up and everything is imported; ends early when a run comes."""
    import ray.data

    if wanted(_BEFORE_WARM_SECONDS):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    sample = folder / f"warm-{os.getpid()}.csv"
    sample.write_text("k,v\na,1\nb,2\n")
    context = ray.data.DataContext.get_current()
    tune.apply(context, tune.Sizes(1, 1))
    dataset = ray.data.read_csv(str(sample), override_num_blocks=1)
    dataset.map_batches(lambda batch: batch, batch_format="pandas").groupby("k").sum("v").take_all()
    for _ in range(2):  # a worker's first join costs it a third of a second, and there are two of them
        if wanted(0):
            break
        dataset.join(dataset, join_type="inner", num_partitions=1, on=("k",), right_suffix="_r").take_all()
    sample.unlink()
    quiet()
    return not wanted(0)


def _ticker(work: Callable[[], None], seconds: float) -> threading.Event:
    """Does `work` every so often until the returned event is set."""
    done = threading.Event()

    def loop() -> None:
        while not done.wait(seconds):
            with contextlib.suppress(Exception):
                work()

    threading.Thread(target=loop, name="orcray-ticker", daemon=True).start()
    return done


def carry_out(run: protocol.Run, channel: Channel, options: argparse.Namespace) -> str:
    """Runs the program and sends its events and its end; returns succeeded or failed."""
    import ray

    from runner import drive, places, workerlogs, workerreads

    def emit(kind: str, data: dict[str, Any]) -> None:
        channel.send({"event": kind, "data": data})

    place = places.of(run, options)
    cpus = float(ray.cluster_resources().get("CPU", 1))
    stage = drive.Stage(run, emit, place.access, place.folder, place.outbox, cpus)
    divert(lambda text: stage.screen.write(text, "raw"))
    follow: Callable[[], None] = lambda: None  # noqa: E731
    if options.logs:
        tail = workerlogs.Tail(Path(options.logs))
        follow = lambda: tail.pump(stage.screen.write)  # noqa: E731
        stage.screen.before_output = follow
        stage.before_finish = lambda: tail.pump(stage.screen.write, last=True)
    else:
        feed = workerlogs.Feed(ray.get_runtime_context().get_job_id(), stage.screen.write)
        feed.install()
        stage.before_finish = feed.settle

    def tick() -> None:
        follow()
        stage.screen.flush()

    workerreads.publish(run, options.inbox, cpus)
    done = _ticker(tick, 0.1)
    state = stage.play()
    done.set()
    if run.credentials is not None:
        workerreads.withdraw()
    channel.send({"done": state})
    return state


def parse(args: list[str]) -> argparse.Namespace:
    """The driver's arguments."""
    parser = argparse.ArgumentParser(prog="runner.driver")
    parser.add_argument("--connect", required=True, help="the runner's socket for drivers")
    parser.add_argument("--key", required=True, help="what this driver calls itself there")
    parser.add_argument("--address", default="", help="of Ray; empty: from RAY_ADDRESS")
    parser.add_argument("--inbox", default="")
    parser.add_argument("--outbox", default="")
    parser.add_argument("--work", required=True)
    parser.add_argument("--logs", default="", help="folder of the workers' logs, when they are all on this machine")
    parser.add_argument("--warm", action="store_true", help="run a tiny pipeline before a program comes")
    parser.add_argument("--lean", action="store_true", help="leave out what only a cluster needs")
    return parser.parse_args(args)


def main() -> None:
    """Entry point."""
    options = parse(sys.argv[1:])
    start = time.monotonic()
    channel = Channel(options.connect)
    channel.send({"hello": options.key})
    if options.lean:
        lean.apply()
    connect(options.address or os.environ["RAY_ADDRESS"], feed=not options.logs)
    joined = time.monotonic()
    channel.send({"ready": {"connect": round(joined - start, 3)}})
    if options.warm and warm(Path(options.work), channel.waiting):
        channel.send({"warm": round(time.monotonic() - joined, 3)})
    run = protocol.parse_run(channel.receive())
    channel.send({"began": True})
    state = carry_out(run, channel, options)
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    # The program's threads and Ray's own farewell cost time; Ray cleans up after a driver that is gone. In a cell nobody asks for
    # the status; on the cluster it becomes the state of the job.
    os._exit(0 if state == "succeeded" else 1)


if __name__ == "__main__":
    main()
