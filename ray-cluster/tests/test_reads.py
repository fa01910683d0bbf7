"""Reads are led to sources wherever a program reads: in itself, in its functions in workers, and through every library."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner import led
from runner.failure import SourceError
from runner.protocol import Column, Dialect, Source
from runner.reads import Reads
from runner.sources import Catalog, Inbox
from tests.client import Runner

CSV = Source("s3://b/u/1/data.csv", "a.csv", "csv", ("f.csv",), (Column("x", "int"), Column("y", "string")), Dialect(";"), 2)
PARQUET = Source("s3://b/t/", "db.t", "parquet", ("p0", "p1"), (Column("x", "int"),), None, 4)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "f.csv").write_text("x;y\n1;é\n2;b\n", encoding="utf-8")
    for name in ("p0", "p1"):
        pq.write_table(pa.table({"x": [1, 2]}), tmp_path / name)
    return tmp_path


class Program:
    """A module as a program sees it, without changing the module for other tests."""

    def __init__(self, inbox: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self.reads = Reads(Catalog([CSV, PARQUET], Inbox(inbox)), "r", self.events.append, 2)

    def call(self, module: str, name: str, *args: Any, **kwargs: Any) -> Any:
        original = getattr(sys.modules[module], name)
        return led.Led(module, name, original, lambda: self.reads, led.READERS[module][name])(*args, **kwargs)


@pytest.mark.parametrize(
    ("module", "name", "rows"),
    [
        ("pandas", "read_table", lambda f: f["x"].tolist()),
        ("pyarrow.dataset", "dataset", lambda d: d.to_table()["x"].to_pylist()),
    ],
)
def test_r23_readers_of_text_know_the_dialect(inbox: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, rows: Any) -> None:
    import pyarrow.csv as pacsv
    import pyarrow.dataset  # noqa: F401

    program = Program(inbox)
    how = led.READERS["pyarrow.csv"]["read_csv"]
    monkeypatch.setattr(pacsv, "read_csv", led.Led("pyarrow.csv", "read_csv", pacsv.read_csv, lambda: program.reads, how))
    assert rows(program.call(module, name, CSV.uri)) == [1, 2]
    assert [e["uri"] for e in program.events] == [CSV.uri]


def test_r23_readers_of_parquet_files_are_led(inbox: Path) -> None:
    import pyarrow.dataset  # noqa: F401

    program = Program(inbox)
    assert program.call("pyarrow.dataset", "dataset", PARQUET.uri).count_rows() == 4
    assert program.call("pyarrow.parquet", "ParquetDataset", path_or_paths=PARQUET.uri).read().num_rows == 4
    assert program.call("pyarrow.parquet", "read_metadata", PARQUET.uri + "p1").num_rows == 2
    assert {e["uri"] for e in program.events} == {PARQUET.uri}


@pytest.mark.parametrize(("module", "name"), [(m, n) for m in ("pandas", "pyarrow.parquet") for n in led.READERS[m]])
def test_r23_no_reader_reads_anything_else(inbox: Path, module: str, name: str) -> None:
    with pytest.raises(SourceError, match=r"s3://b/u/1/data\.csv"):
        Program(inbox).call(module, name, "/etc/passwd")


def test_r23_a_reader_of_other_things_names_the_right_one(inbox: Path) -> None:
    with pytest.raises(SourceError, match=r"pandas.read_excel cannot read .*ray\.data\.read_csv"):
        Program(inbox).call("pandas", "read_excel", CSV.uri)


def test_r23_open_reads_a_source(inbox: Path) -> None:
    program = Program(inbox)
    with program.reads.open(open, CSV.uri) as file:
        assert file.read() == "x;y\n1;é\n2;b\n"
    with program.reads.open(open, "a.csv", "rb") as file:
        assert file.readline() == b"x;y\n"
    with pytest.raises(SourceError, match="has 2 files"):
        program.reads.open(open, PARQUET.uri)
    with pytest.raises(SourceError, match="is not a selected source"):
        program.reads.open(open, "/etc/passwd")


def test_r23_a_led_reader_is_pickled_by_its_name(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = led.Led("pandas", "read_csv", pd.read_csv, lambda: open, ("lead_pandas", "csv"))
    monkeypatch.setattr(pd, "read_csv", reader)
    assert pickle.loads(pickle.dumps(reader)) is reader


# In a cell

IN_A_TASK = "import ray\n@ray.remote\ndef f():\n    {}\nray.get(f.remote())"
READS = {
    "pandas": "import pandas as pd; return len(pd.read_csv('s3://b/u/1/data.csv'))",
    "pandas_by_name": "import pandas as pd; return len(pd.read_csv('Umsatz.csv', usecols=['id']))",
    "pyarrow": "from pyarrow import csv; return csv.read_csv('s3://b/u/1/data.csv').num_rows",
    "polars": "import polars as pl; return pl.read_csv('s3://b/u/1/data.csv').height",
    "open": "return len(open('s3://b/u/1/data.csv').readlines()) - 1",
}


@pytest.mark.ray
@pytest.mark.parametrize("name", READS)
def test_r23_reads_in_a_task_are_led(cell: Runner, sources: list[dict[str, Any]], name: str) -> None:
    result = cell.run(IN_A_TASK.format(READS[name]), sources=sources)
    assert result.state == "succeeded" and result.text == "1000", result.events
    assert [d["uri"] for d in result.of("read")] == ["s3://b/u/1/data.csv"]


@pytest.mark.ray
def test_r23_reads_in_map_batches_are_led(cell: Runner, sources: list[dict[str, Any]]) -> None:
    code = (
        'import ray\nfrom pandas import read_csv\nds = ray.data.read_csv("s3://b/u/1/data.csv")\n'
        'def f(df):\n    return df.merge(read_csv("s3://b/u/2/data.csv"), on="name")[["id", "grp"]]\n'
        'ds.map_batches(f, batch_format="pandas").count()'
    )
    result = cell.run(code, sources=sources)
    assert result.state == "succeeded" and result.text == "999", result.events
    assert {d["uri"] for d in result.of("read")} == {"s3://b/u/1/data.csv", "s3://b/u/2/data.csv"}


@pytest.mark.ray
@pytest.mark.parametrize(
    "body",
    [
        "import pandas as pd; return pd.read_csv('nothing.csv')",
        "return open('nothing.csv').read()",
        "import numpy as np; return np.loadtxt('nothing.csv')",
    ],
)
def test_r23_a_wrong_path_in_a_task_lists_the_sources(cell: Runner, sources: list[dict[str, Any]], body: str) -> None:
    result = cell.run(IN_A_TASK.format(body), sources=sources)
    assert result.state == "failed" and result.failure["class"] == "missing_data", result.events
    assert "s3://b/u/1/data.csv" in result.failure["value"] and result.failure["line"] == 4


@pytest.mark.ray
def test_r23_functions_read_back_what_they_write(cell: Runner, sources: list[dict[str, Any]], tmp_path: Path) -> None:
    body = f"import os; os.chdir('{tmp_path}'); import pandas as pd; pd.DataFrame(dict(a=[1, 2])).to_csv('mine.csv'); open('n', 'w').write('x'); return len(pd.read_csv('mine.csv')) + len(open('n').read())"
    assert cell.run(IN_A_TASK.format(body), sources=sources).text == "3"
    assert cell.run("open('/tmp/x/n.txt', 'w').write('abc')\nprint(open('/tmp/x/n.txt').read())").text == "abc\n"
