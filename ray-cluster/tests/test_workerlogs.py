"""What workers print arrives whole, once, in order, and on its own stream."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest

from runner import workerlogs, workers
from runner.capture import Screen
from runner.drive import LocalOutbox
from runner.protocol import Limits
from runner.workers import MARK, Marked
from tests.client import Runner


class Sink:
    """Takes what a Tail or a Feed hands over."""

    def __init__(self, most: int = 1 << 30) -> None:
        self.parts: list[tuple[str, str]] = []
        self.most = most

    def __call__(self, text: str, stream: str) -> bool:
        self.parts.append((stream, text))
        return len(self.text(stream)) < self.most

    def text(self, stream: str = "stdout") -> str:
        return "".join(t for s, t in self.parts if s == stream)


def worker_file(write: Any) -> str:
    """What a worker's stderr file has after `write` has written to the worker's sys.stderr."""
    inner = io.StringIO()
    write(Marked(inner, lines=True))
    return inner.getvalue()


def test_r23_the_last_look_takes_all_of_a_large_file(tmp_path: Path) -> None:
    tail, sink = workerlogs.Tail(tmp_path), Sink()
    text = "".join(f"line {i} é\n" for i in range(100_000))
    (tmp_path / "worker-1.out").write_text(text)
    tail.pump(sink, last=True)
    assert sink.text() == text


@pytest.mark.parametrize("text", ["a\nno end", "no end", "é" * 700_001 + "\nx", "x" * (256 << 10)])
def test_r23_a_last_line_without_an_end_arrives(tmp_path: Path, text: str) -> None:
    tail, sink = workerlogs.Tail(tmp_path), Sink()
    (tmp_path / "worker-1.out").write_text(text)
    tail.pump(sink)
    tail.pump(sink, last=True)
    assert sink.text() == text


def test_r23_two_threads_read_nothing_twice(tmp_path: Path) -> None:
    path, sink = tmp_path / "worker-1.out", Sink()
    path.touch()
    tail = workerlogs.Tail(tmp_path)
    done = threading.Event()

    def pump() -> None:
        while not done.is_set():
            tail.pump(sink)

    threads = [threading.Thread(target=pump) for _ in range(4)]
    for thread in threads:
        thread.start()
    lines = [f"{i}\n" for i in range(5000)]
    with path.open("a", buffering=1) as file:
        file.writelines(lines)
    done.set()
    for thread in threads:
        thread.join()
    tail.pump(sink, last=True)
    assert sink.text() == "".join(lines)


def test_r23_the_last_look_ends_at_the_output_limit_and_says_so(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    screen = Screen(lambda _kind, data: events.append(data), LocalOutbox(tmp_path, "r"), Limits(output_bytes=300_000))
    logs = tmp_path / "logs"
    logs.mkdir()
    tail = workerlogs.Tail(logs)
    (logs / "worker-1.out").write_text("0123456789\n" * 500_000)
    tail.pump(screen.write, last=True)
    screen.finish()
    text = events[-1]["text"]
    assert 300_000 <= len(text) < 300_200 and "output limit of 300000 bytes" in text
    assert tail._places[logs / "worker-1.out"].offset < 1 << 20, "nobody reads what nobody wants"


def test_r23_stderr_of_the_program_is_told_from_rays(tmp_path: Path) -> None:
    def program(err: Marked) -> None:
        err.write(":task_name:f\n")
        print("mine", "é", file=err)
        print("two\nlines\n", file=err)
        print("open", end="", file=err)
        err.write(":task_name:g\n")
        print("closed", file=err)

    tail, sink = workerlogs.Tail(tmp_path), Sink()
    noise = ":job_id:01000000\n[2026-01-01 00:00:00,000 E 1 2] core_worker.cc:1: noise\n"
    (tmp_path / "worker-1.err").write_text(noise + worker_file(program) + "Fatal Python error: Segmentation fault\n")
    tail.pump(sink, last=True)
    assert sink.text("stderr") == "mine é\ntwo\nlines\n\nopenclosed\n"
    assert sink.text("raw") == "[2026-01-01 00:00:00,000 E 1 2] core_worker.cc:1: noise\nFatal Python error: Segmentation fault\n"
    assert MARK not in "".join(t for _, t in sink.parts) and not sink.text("stdout")


def test_r23_a_long_line_of_stderr_stays_on_its_stream(tmp_path: Path) -> None:
    tail, sink = workerlogs.Tail(tmp_path), Sink()
    (tmp_path / "worker-1.err").write_text(worker_file(lambda err: print("y" * 600_000, file=err)) + "noise\n")
    tail.pump(sink, last=True)
    assert sink.text("stderr") == "y" * 600_000 + "\n" and sink.text("raw") == "noise\n"


def test_r23_a_task_that_ends_within_a_line_shows_no_mark_of_ray(tmp_path: Path) -> None:
    inner = io.StringIO()
    out = Marked(inner, lines=False)
    for text in (":task_name:f\n", "a", ":task_name:g\n", "b", "\n"):
        out.write(text)
    tail, sink = workerlogs.Tail(tmp_path), Sink()
    (tmp_path / "worker-1.out").write_text(inner.getvalue())
    tail.pump(sink, last=True)
    assert sink.text() == "ab\n"


def test_r23_the_clusters_feed_keeps_stderr() -> None:
    sink = Sink()
    feed = workerlogs.Feed("01", sink)
    feed.take({"job": "01", "is_err": True, "lines": [f"{MARK}mine", ":task_name:f", "Ray's"]})
    feed.take({"job": "01", "is_err": False, "lines": [":task_name:f", "out"]})
    feed.take({"job": "02", "is_err": False, "lines": ["of another"]})
    assert sink.parts == [("stderr", "mine\n"), ("raw", "Ray's\n"), ("stdout", "out\n")]


def test_r23_the_hook_is_what_the_environment_names() -> None:
    module, _, name = workers.HOOK.rpartition(".")
    assert module == workers.__name__ and callable(getattr(workers, name))


# In a cell


@pytest.mark.ray
def test_r23_workers_stderr_and_open_lines_reach_the_log(cell: Runner) -> None:
    code = (
        "import ray, sys\n@ray.remote\ndef f():\n"
        "    import os, logging, warnings\n"
        "    print('to err', file=sys.stderr)\n    logging.warning('logged')\n    os.write(2, b'past python\\n')\n"
        "    print('open end', end='')\n    return 1\n"
        "ray.get(f.remote())"
    )
    result = cell.run(code)
    assert result.state == "succeeded", result.events
    streams = {s: "".join(d["text"] for d in result.of("log") if d["stream"] == s) for s in ("stdout", "stderr", "raw")}
    assert streams["stderr"] == "to err\nWARNING:root:logged\n" and "past python\n" in streams["raw"], streams
    assert streams["stdout"] == "open end"
    assert [o["text"] for o in result.outputs] == ["1", "open end"] or result.text == "open end1"


@pytest.mark.ray
def test_r23_a_megabyte_of_a_worker_arrives_whole(cell: Runner) -> None:
    code = "import ray\n@ray.remote\ndef f():\n    for i in range(100_000):\n        print('line', i)\nray.get(f.remote())\nprint('end')"
    result = cell.run(code, limits={"output_bytes": 4 << 20})
    logged = "".join(d["text"] for d in result.of("log"))
    assert [x for x in logged.split("\n") if x.startswith("line")] == [f"line {i}" for i in range(100_000)]
    assert result.text.count("line") == 100_000


@pytest.mark.ray
def test_r23_the_last_expression_is_live_while_it_runs(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = (
        'import ray, time\nds = ray.data.read_csv("s3://b/u/1/data.csv")\ndef slow(batch):\n'
        "    print('begun')\n    time.sleep(2)\n    return batch\n"
        'ds.map_batches(slow, batch_format="pandas", batch_size=None).limit(1)'
    )
    run_id = cell.submit(code, sources=sources)
    event = cell.wait_for(run_id, "log", stream="stdout")
    assert event["data"]["text"] == "begun\n"
    state = cell.call("GET", f"/runs/{run_id}")[1]["state"]
    assert state == "running", "the line came only with the end"
    result = cell.finish(run_id, 0)
    assert result.state == "succeeded" and [o["kind"] for o in result.outputs] == ["text", "table"]


@pytest.mark.ray
def test_r23_rays_own_warnings_are_not_the_programs_output(cell: Runner) -> None:
    assert cell.run_warned().text == "done\n"


@pytest.mark.ray
def test_r23_what_workers_printed_before_a_failure_is_shown(cell: Runner) -> None:
    code = "import ray\n@ray.remote\ndef f():\n    print('last words')\n    raise ValueError('no')\nray.get(f.remote())"
    result = cell.run(code)
    assert result.state == "failed" and result.failure["name"] == "ValueError"
    assert result.text == "last words\n"
