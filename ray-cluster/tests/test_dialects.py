"""What a profile promises about a text file is what a program reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv as pacsv
from pyarrow import json as pajson

from runner import dialects
from runner.protocol import Column, Dialect, Source


def source(kind: str, columns: tuple[Column, ...], dialect: Dialect | None = None) -> Source:
    return Source("s3://b/f", "f", kind, ("f",), columns, dialect)


def read(tmp_path: Path, data: bytes, made: Source) -> dict[str, list[object]]:
    path = tmp_path / "f"
    path.write_bytes(data)
    with path.open("rb") as file:
        table = pacsv.read_csv(file, **dialects.csv_options(made))
    return dialects.finish(table, dialects.late_columns(made)).to_pydict()


def test_r27_the_names_are_those_of_the_profile(tmp_path: Path) -> None:
    made = source("csv", (Column("a", "int"), Column("a_2", "int"), Column("column_3", "int")), Dialect())
    assert read(tmp_path, b"a,a,\n1,2,3\n", made) == {"a": [1], "a_2": [2], "column_3": [3]}


def test_r27_namibia_stays(tmp_path: Path) -> None:
    columns = (Column("country"), Column("value", "int"))
    made = source("csv", columns, Dialect(nulls=("NA",), keep_text=True))
    data = b"country,value\nNA,1\nDE,NA\n"
    assert read(tmp_path, data, made) == {"country": ["NA", "DE"], "value": [1, None]}
    frame = pd.read_csv(tmp_path / "f", **dialects.pandas_options(made, {}))
    assert list(frame["country"]) == ["NA", "DE"] and pd.isna(frame["value"][1])


@pytest.mark.parametrize(("encoding", "text"), [("windows-1252", "5 €"), ("utf-16-le", "5 €"), ("utf-16", "5 €"), ("latin-1", "5 £")])
def test_r28_encodings_are_read_as_they_are(tmp_path: Path, encoding: str, text: str) -> None:
    made = source("csv", (Column("price"),), Dialect(encoding=encoding))
    assert read(tmp_path, f"price\n{text}\n".encode(encoding), made) == {"price": [text]}


def test_r27_quoted_line_breaks_and_zoned_times(tmp_path: Path) -> None:
    made = source("csv", (Column("note"), Column("at", "timestamp", "ISO8601", zoned=True)), Dialect(multiline=True))
    found = read(tmp_path, b'note,at\n"two\nlines",2024-01-02T03:04:05+01:00\n', made)
    assert found == {"note": ["two\nlines"], "at": [pd.Timestamp("2024-01-02T02:04:05Z")]}


def test_r27_json_lines_keep_the_types_of_the_whole(tmp_path: Path) -> None:
    made = source("jsonl", (Column("n", "float"), Column("at", "date", "%Y-%m-%d"), Column("tags", "nested")))
    path = tmp_path / "f"
    path.write_text('{"n": 1, "at": "2024-01-02", "tags": ["x"]}\n{"tags": []}\n')
    table = pajson.read_json(path, **dialects.json_options(made))
    assert table.schema.field("n").type == pa.float64() and pa.types.is_timestamp(table.schema.field("at").type)
    assert table.to_pydict()["tags"] == [["x"], []]


def test_r27_values_of_several_types_are_their_text() -> None:
    made = source("jsonl", (Column("v", raw=True), Column("n", "int")))
    table = dialects.table_of_lines(['{"v": 1, "n": 1}\n', "\n", '{"v": "x"}\n', '{"v": [1, 2], "n": null}\n'], dialects.raw_columns(made))
    assert table.to_pydict() == {"v": ["1", "x", "[1, 2]"], "n": [1, None, None]}
