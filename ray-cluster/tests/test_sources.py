"""Paths are led to sources, and sources are read as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from runner import dialects, tune
from runner.failure import SourceError, nearest
from runner.protocol import Column, Dialect, Source
from runner.sources import Catalog, Inbox
from runner.writes import LocalFolder, Writes, relative

GERMAN = Source(
    "s3://b/u/1/data.csv",
    "Umsatz 2024.csv",
    "csv",
    ("f1.csv",),
    (
        Column("id", "string"),
        Column("betrag", "float"),
        Column("tag", "date", "%d.%m.%Y"),
        Column("us", "date", "%m/%d/%Y"),
        Column("ok", "bool"),
    ),
    Dialect(";", '"', True, "latin-1", ",", ("-", "n/a"), 1),
    2,
)
TEXT = '# comment\nid;betrag;tag;us;ok\n007;1,5;03.02.2024;02/03/2024;yes\n"M;ü";-;;n/a;no\nbroken;row\n'


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "f1.csv").write_text(TEXT, encoding="latin-1")
    (tmp_path / "p0").write_text("x")
    (tmp_path / "p1").write_text("x")
    return tmp_path


@pytest.fixture
def catalog(inbox: Path) -> Catalog:
    table = Source("s3://b/tables/t/", "db.t", "parquet", ("p0", "p1"))
    return Catalog([GERMAN, table], Inbox(inbox))


@pytest.mark.parametrize(
    "path",
    [
        "s3://b/u/1/data.csv",
        "s3a://b/u/1/data.csv",
        "Umsatz 2024.csv",
        "f1.csv",
        Path("f1.csv"),
        "Umsatz%202024.csv",
    ],
)
def test_r13_every_name_of_a_source_leads_to_it(catalog: Catalog, inbox: Path, path: Any) -> None:
    found = catalog.find(path)
    assert [f.source.uri for f in found] == [GERMAN.uri] and found[0].paths == (str(inbox / "f1.csv"),)


def test_r34_a_table_has_all_its_files(catalog: Catalog) -> None:
    for path in ("s3://b/tables/t/", "s3://b/tables/t", "s3://b/tables/t/*.parquet", "db.t"):
        assert len(catalog.find(path)[0].paths) == 2
    assert len(catalog.find("s3://b/tables/t/p1")[0].paths) == 1
    assert len(catalog.find(["f1.csv", "db.t"])) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "data.csv",
        Path("data.csv"),
        "s3://b/u/2/data.csv",
        "../f1.csv",
        "",
        "other.csv",
        [],
        7,
        "file:///etc/passwd",
        "http://x/y",
    ],
)
def test_r13_any_other_path_lists_the_sources(catalog: Catalog, path: Any) -> None:
    with pytest.raises(SourceError) as caught:
        catalog.find(path)
    assert "s3://b/u/1/data.csv" in str(caught.value)


def twins(inbox: Path, *uris: str, name: str = "orders.csv") -> Catalog:
    """Sources that have the same display name."""
    return Catalog([Source(uri, name, "csv", (f"p{i}",)) for i, uri in enumerate(uris)], Inbox(inbox))


def test_r13_a_name_that_two_sources_have_is_refused_with_their_addresses(inbox: Path) -> None:
    catalog = twins(inbox, "s3://b/u/1/data.csv", "s3://b/u/2/data.csv")
    with pytest.raises(SourceError, match=r"s3://b/u/1/data\.csv, s3://b/u/2/data\.csv"):
        catalog.find("orders.csv")
    assert catalog.find("s3://b/u/2/data.csv")[0].paths == (str(inbox / "p1"),)


def test_r13_the_fixed_name_of_uploads_names_no_source(inbox: Path) -> None:
    for uris in (("s3://b/u/1/data.csv",), ("s3://b/u/1/data.csv", "s3://b/u/2/data.csv")):
        with pytest.raises(SourceError, match="is not a selected source"):
            twins(inbox, *uris).find("data.csv")
    assert twins(inbox, "s3://b/u/1/data.csv", name="data.csv").find("data.csv"), "somebody called it so"


def test_r13_the_last_part_of_two_addresses_is_refused(inbox: Path) -> None:
    catalog = twins(inbox, "s3://b/x/part.csv", "s3://b/y/part.csv", name="")
    with pytest.raises(SourceError, match=r"x/part\.csv, s3://b/y/part\.csv"):
        catalog.find("part.csv")


def test_r13_an_address_goes_before_a_name(inbox: Path) -> None:
    catalog = Catalog([Source("a", "s3://b/x.csv", "csv", ("p0",)), Source("s3://b/x.csv", "n", "csv", ("p1",))], Inbox(inbox))
    assert catalog.find("s3://b/x.csv")[0].paths == (str(inbox / "p1"),)


def test_s3_a_file_outside_of_the_inbox_is_refused(inbox: Path) -> None:
    with pytest.raises(SourceError):
        Inbox(inbox).path("../secret")
    (inbox / "link").symlink_to("/etc/passwd")
    with pytest.raises(SourceError):
        Inbox(inbox).path("link")


EXPECTED = {
    "id": ["007", "M;ü"],
    "betrag": [1.5, None],
    "tag": [pd.Timestamp(2024, 2, 3), None],
    "us": [pd.Timestamp(2024, 2, 3), None],
    "ok": [True, False],
}


def test_r13_pyarrow_reads_the_dialect(inbox: Path) -> None:
    with (inbox / "f1.csv").open("rb") as file:
        table = dialects.finish(pacsv.read_csv(file, **dialects.csv_options(GERMAN)), dialects.late_columns(GERMAN))
    assert table.to_pydict() == EXPECTED
    assert pa.types.is_timestamp(table.schema.field("tag").type)


def test_r13_pandas_reads_the_dialect(inbox: Path) -> None:
    (inbox / "f1.csv").write_text(TEXT.replace("broken;row\n", "broken;1;2;3;4;5;6\n"), encoding="latin-1")
    frame = pd.read_csv(inbox / "f1.csv", **dialects.pandas_options(GERMAN, {}))
    found = {n: [None if pd.isna(v) else v for v in frame[n]] for n in frame.columns}
    assert found == EXPECTED


def test_r13_what_the_program_says_itself_counts(inbox: Path) -> None:
    frame = pd.read_csv(
        inbox / "f1.csv", **dialects.pandas_options(GERMAN, {"usecols": ["id", "tag"], "dtype": "str", "parse_dates": False})
    )
    assert list(frame.columns) == ["id", "tag"] and frame["tag"][0] == "03.02.2024"


def test_r13_a_file_without_header(tmp_path: Path) -> None:
    source = Source("u", "n", "csv", ("f",), (Column("a", "int"), Column("b", "string")), Dialect(",", '"', False))
    (tmp_path / "f").write_text("1,x\n2,y\n")
    with (tmp_path / "f").open("rb") as file:
        assert pacsv.read_csv(file, **dialects.csv_options(source)).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert list(pd.read_csv(tmp_path / "f", **dialects.pandas_options(source, {}))["b"]) == ["x", "y"]


def test_r13_writes_stay_in_the_folder_of_the_run(tmp_path: Path) -> None:
    writes = Writes(LocalFolder(tmp_path / "scratch"))
    for path in ("out.csv", "/etc/passwd", "../../x.csv", "s3://b/other/key.csv", "a/b/../../../c.csv"):
        target = Path(writes.local(path))
        assert target.resolve().is_relative_to(tmp_path / "scratch"), path
    with writes.open("/tmp/somewhere/notes.txt", "w") as file:
        file.write("x")
    assert (tmp_path / "scratch" / "tmp" / "somewhere" / "notes.txt").read_text() == "x"
    assert relative("s3://bucket/a/../b/c.parquet") == "bucket/a/b/c.parquet"


@pytest.mark.parametrize(
    ("wrong", "names", "first"),
    [
        ("amuont", ["amount", "id"], "amount"),
        ("Order ID", ["order_id", "order"], "order_id"),
        ("AMOUNT", ["amount"], "amount"),
        ("rev", ["revenue", "name"], "revenue"),
        ("zzz", ["a", "b"], None),
    ],
)
def test_r25_nearest_names(wrong: str, names: list[str], first: str | None) -> None:
    assert next(iter(nearest(wrong, names)), None) == first


def test_p1_sizes_follow_the_bytes() -> None:
    assert tune.sizes(0, 2) == tune.Sizes(1, 1) and tune.sizes(64 << 20, 2) == tune.Sizes(1, 1)
    assert tune.sizes(256 << 20, 2).blocks == 4
    big = tune.sizes(100 << 30, 8)
    assert (100 << 30) / big.blocks <= 512 << 20 and 2 <= big.shuffle <= big.blocks
