"""Programs in a real cell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.client import Runner

pytestmark = pytest.mark.ray
HEAD = 'import ray\nds = ray.data.read_csv("s3://b/u/1/data.csv")\n'
REFERENCE = {
    "filter_count": (HEAD + 'ds.filter(lambda row: row["amount"] > 100).count()', "599"),
    "groupby_sum": (HEAD + 'ds.groupby("city").sum("id")', [["München0", 166833], ["München1", 166167], ["München2", 166500]]),
    "sort_take": (
        HEAD + 'ds.sort("amount", descending=True).take(2)',
        [[999, "N5", "München0", 249.75, "2024-04-20"], [998, "N4", "München2", 249.5, "2024-03-19"]],
    ),
    "map_batches": (
        HEAD
        + 'def f(df):\n    df["m"] = df["day"].dt.month + df["id"] % 2\n    return df[["id", "m"]]\nds.map_batches(f, batch_format="pandas").take(2)',
        [[0, 1], [1, 3]],
    ),
    "join": (
        HEAD
        + 'g = ray.data.read_csv("groups.csv")\nds.join(g, join_type="inner", num_partitions=1, on=("name",)).groupby("grp").count().sort("grp")',
        [["G0", 571], ["G1", 428]],
    ),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_n12_reference_programs(cell: Runner, sources: list[dict[str, Any]], name: str) -> None:
    code, expected = REFERENCE[name]
    result = cell.run(code, sources=sources)
    assert result.state == "succeeded", result.events
    if isinstance(expected, str):
        assert result.text == expected
    else:
        assert result.rows() == expected
    read = result.of("read")[0]
    assert read["uri"] == "s3://b/u/1/data.csv" and read["rows"] == 1000 and read["bytes"] == (cell.inbox / "f1.csv").stat().st_size


def test_n12_health_and_check(cell: Runner) -> None:
    status, health = cell.call("GET", "/health")
    assert status == 200 and health["ready"] and health["ray"] and health["python"].startswith("3.")
    assert cell.call("POST", "/check", {"code": "print(1)"}) == (200, {"ok": True, "failure": None})
    status, answer = cell.call("POST", "/check", {"code": "while True: pass"})
    assert status == 200 and not answer["ok"] and answer["failure"]["line"] == 1


def test_r47_a_long_run_tells_how_far_it_is(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = HEAD + (
        "import time\ndef slow(batch):\n    time.sleep(0.5)\n    return batch\n"
        'ds.repartition(8).map_batches(slow, batch_format="pandas", batch_size=None, concurrency=1).count()'
    )
    result = cell.run(code, sources=sources)
    assert result.text == "1000"
    told = result.of("progress")
    assert told, "nothing was told in four seconds"
    for data in told:
        assert data["operator"] and 0 <= data["rows"] <= 1000 and 0 <= data["finished"] < data["operators"]
    assert [d["finished"] for d in told] == sorted(d["finished"] for d in told)
    assert cell.run("1 + 1").of("progress") == []


def test_s3_requests_that_are_refused(cell: Runner) -> None:
    assert cell.call("POST", "/runs", b"{")[0] == 400
    assert cell.call("POST", "/runs", {"run_id": "x"})[1]["error"].endswith(".")
    assert cell.call("POST", "/runs", b'{"code": "' + b"x" * (5 << 20) + b'"}')[0] == 413
    assert cell.call("GET", "/runs/none")[0] == 404
    assert cell.call("POST", "/check", {"program": ""})[0] == 400
    assert cell.call("GET", "/nothing")[0] == 404


def test_r9_code_arrives_unchanged(cell: Runner) -> None:
    odd = "'\"$HOME `ls` \\n é漢🎉 \\\\ {x} %s"
    result = cell.run(f"# {'x' * 100_000}\ntext = {odd!r}\nprint(text)\n")
    assert result.text == odd + "\n"


def test_r13_validation_writes_go_to_scratch(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = HEAD + (
        'ds.limit(3).write_parquet("s3://b/elsewhere/out")\nds.limit(3).to_pandas().to_csv("/etc/orcray.csv")\n'
        'open("notes.txt", "w").write("x")\nimport os\nprint(sorted(os.listdir(".")))'
    )
    result = cell.run(code, sources=sources)
    assert result.state == "succeeded", result.events
    assert not Path("/etc/orcray.csv").exists() and "notes.txt" in result.text
    assert [p for p in cell.outbox.rglob("*") if "notes" in p.name or "elsewhere" in str(p)] == []


def test_r13_execution_writes_go_to_the_outbox(cell: Runner, sources: list[dict[str, Any]]) -> None:
    result = cell.run(HEAD + 'ds.limit(3).write_parquet("out")\ndisplay(ds.limit(2))', sources=sources, mode="execute", run_id="exec-1")
    assert result.state == "succeeded", result.events
    assert pq.read_table(cell.outbox / "exec-1" / "files" / "out").num_rows == 3
    assert pq.read_table(cell.outbox / result.outputs[0]["table"]["file"]).num_rows == 2


def test_r13_an_unknown_path_is_missing_data(cell: Runner, sources: list[dict[str, Any]]) -> None:
    result = cell.run('import pandas as pd\npd.read_csv("/etc/passwd")', sources=sources)
    assert result.state == "failed" and result.failure["class"] == "missing_data" and "s3://b/u/2/data.csv" in result.failure["value"]


def test_r17_a_run_is_stopped_at_its_limit(cell: Runner) -> None:
    code = "import ray, time\n@ray.remote\ndef spin():\n    while len('x') == 1:\n        pass\nrefs = [spin.remote(), spin.remote()]\nwhile len('y') == 1:\n    pass"
    result = cell.run(code, limits={"wall_seconds": 2})
    assert result.state == "timed_out" and result.failure["class"] == "timeout"
    # Its tasks are gone, too: the next program has both CPUs at once.
    assert cell.run("import ray\n@ray.remote\ndef one():\n    return 1\nsum(ray.get([one.remote() for _ in range(4)]))").text == "4"


def test_r18_an_endless_loop_that_nobody_sees_is_stopped(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = HEAD + "def f(df):\n    while len(df) >= 0:\n        pass\n    return df\nds.map_batches(f, batch_format='pandas').take(1)"
    run_id = cell.submit(code, sources=sources, limits={"wall_seconds": 60})
    status, answer = cell.call("POST", "/runs", {"run_id": "other", "code": "1", "mode": "validate"})
    assert status == 409 and run_id in answer["error"]
    assert cell.call("POST", "/runs", {"run_id": run_id, "code": "1", "mode": "validate"}) == (200, {"run_id": run_id, "state": "running"})
    assert cell.call("POST", f"/runs/{run_id}/stop") == (200, {"run_id": run_id, "state": "stopped"})
    assert cell.finish(run_id, time.monotonic()).state == "stopped"
    assert cell.call("POST", f"/runs/{run_id}/stop")[1]["state"] == "stopped"
    assert cell.run("print('next')").text == "next\n"


def test_r18_seen_before_it_runs(cell: Runner) -> None:
    result = cell.run("x = 1\nwhile True:\n    x += 1")
    assert result.state == "failed" and result.failure["name"] == "EndlessLoop" and result.failure["line"] == 2


def test_r23_only_the_program_speaks(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = (
        HEAD
        + 'print("Sort Sample of customers: 12")\nprint()\nds.sort("id").materialize()\nprint("(autoscaler +4s) mine")\nds.groupby("city").count().take_all()'
    )
    result = cell.run(code, sources=sources)
    assert result.text == "Sort Sample of customers: 12\n\n(autoscaler +4s) mine\n"
    assert [o["kind"] for o in result.outputs] == ["text", "table"]


def test_r23_prints_in_workers_and_raw_output_reach_the_log(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = (
        HEAD
        + 'import os\ndef f(df):\n    print("in a worker", len(df))\n    return df\nds.map_batches(f, batch_format="pandas").count()\nos.write(1, b"raw!\\n")\nprint("end")'
    )
    result = cell.run(code, sources=sources)
    assert "in a worker 1000\n" in result.text and "end\n" in result.text
    assert "raw!" in "".join(d["text"] for d in result.of("log") if d["stream"] == "raw")


def test_r23_endless_output_is_cut(cell: Runner) -> None:
    result = cell.run("i = 0\nwhile i >= 0:\n    print('x' * 1000)\n    i += 1", limits={"wall_seconds": 2, "output_bytes": 50_000})
    assert result.state == "timed_out"
    assert len("".join(d["text"] for d in result.of("log"))) < 60_000


def test_r24_nothing_printed_is_said(cell: Runner) -> None:
    assert cell.run("x = 1").outputs == [{"kind": "text", "text": "The program ran and printed nothing."}]


FAILURES = [
    ("x = 1\nprnt(x)", "unknown_name", "NameError", 2, "prnt", "print"),
    (HEAD + 'ds.sort("amuont").take(1)', "unknown_column", "ValueError", 3, "amuont", "amount"),
    (HEAD + 'ds.groupby("citty").count().take_all()', "unknown_column", "ArrowInvalid", 3, "citty", "city"),
    (
        HEAD + 'def f(df):\n    df["m"] = df["nmae"]\n    return df\nds.map_batches(f, batch_format="pandas").take(1)',
        "unknown_column",
        "KeyError",
        4,
        "nmae",
        "name",
    ),
    ('import pandas as pd\ndf = pd.read_csv("Umsatz.csv")\ndf[["id", "amout"]]', "unknown_column", "KeyError", 3, "amout", "amount"),
    (HEAD + "\n\nds.map(lambda r: {'x': 1 / 0}).take_all()", "code", "ZeroDivisionError", 5, None, None),
    ("import ray\nray.data.rnage(3)", "unknown_name", "AttributeError", 2, "rnage", "range"),
    ("def f():\n    raise ValueError('no\\nway')\nf()", "code", "ValueError", 2, None, None),
    ("import sys\nprint('before')\nsys.exit(3)", "code", "SystemExit", 3, None, None),
    ("import os\ngetattr(os, 'kill')(os.getpid(), 9)", "out_of_memory", "ProcessKilled", None, None, None),
    ("i = 0\nwhile i < 300:\n    display('x' * 500_000)\n    i += 1", "policy", "OutputLimitError", 3, None, None),
    ("x = [1]\nimport os\nos._exit(3)", "lost_worker", "ProcessLost", None, None, None),
]


@pytest.mark.parametrize(("code", "kind", "name", "line", "wrong", "near"), FAILURES)
def test_r25_failures(
    cell: Runner, sources: list[dict[str, Any]], code: str, kind: str, name: str, line: int | None, wrong: str | None, near: str | None
) -> None:
    result = cell.run(code, sources=sources)
    assert result.state == "failed"
    failure = result.failure
    assert (failure["class"], failure["name"], failure.get("line"), failure.get("wrong")) == (kind, name, line, wrong), failure
    assert near is None or near in failure["nearest"]
    assert "site-packages" not in failure.get("traceback", "")
    if line:
        assert f"line {line}" in failure["traceback"]


def test_r25_memory_beyond_the_limit(cell: Runner) -> None:
    result = cell.run(
        "x = []\ni = 0\nwhile i < 400:\n    x.append(bytearray(b'1' * (8 << 20)))\n    i += 1", limits={"memory_bytes": 300 << 20}
    )
    assert result.state == "failed" and result.failure["class"] == "out_of_memory"


def test_n12_nothing_of_a_program_outlives_it(cell: Runner) -> None:
    assert cell.run("import json, pandas\njson.x = 1\npandas.DataFrame = None").state == "succeeded"
    assert cell.run("import json, pandas\nprint(hasattr(json, 'x'), pandas.DataFrame is None)").text == "False False\n"


def test_n12_init_shutdown_and_show(cell: Runner) -> None:
    code = "import ray\nwith ray.init(address='auto') as c:\n    ds = ray.data.range(3)\nray.shutdown()\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint('z')\nds"
    result = cell.run(code)
    assert [o["kind"] for o in result.outputs] == ["image", "text", "table"], result.events
    assert result.rows() == [[0], [1], [2]]
