"""Everything a program shows becomes an output, as JSON that any reader understands."""

from __future__ import annotations

import json
import threading
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.capture import NOTHING, Screen, Stream
from runner.drive import LocalOutbox
from runner.failure import OutputLimitError
from runner.protocol import Limits


class Shown:
    """A screen and what came of it."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.folder = folder
        self.screen = Screen(lambda kind, data: self.events.append((kind, data)), LocalOutbox(folder, "r"), Limits(**limits))

    @property
    def outputs(self) -> list[dict[str, Any]]:
        found = [data for kind, data in self.events if kind == "output"]
        json.dumps(found, allow_nan=False)
        return found


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def test_r23_user_lines_that_look_like_noise_and_blank_lines_stay(shown: Shown) -> None:
    lines = [
        "",
        "Full logs are in my notebook",
        "Sort Sample of customers: 12",
        "INFO mine",
        "",
        "\x1b[36mcolour\x1b[0m",
        "A",
        "Running 0: x",
        "",
    ]
    print(*lines, sep="\n", file=Stream(shown.screen, "stdout", 1))
    shown.screen.finish()
    assert shown.outputs == [{"kind": "text", "text": "\n".join(lines) + "\n"}]
    assert "".join(d["text"] for k, d in shown.events if k == "log") == "\n".join(lines) + "\n"


def test_r23_order_of_prints_and_outputs_is_kept(shown: Shown) -> None:
    shown.screen.write("one\n")
    shown.screen.show(1)
    shown.screen.write("two\n")
    shown.screen.show([{"a": 1}])
    shown.screen.finish()
    assert [o.get("text", "table") for o in shown.outputs] == ["one\n", "1", "two\n", "table"]


def test_r23_a_blank_line_between_outputs_stays(shown: Shown) -> None:
    shown.screen.show(1)
    shown.screen.write("\n")
    shown.screen.show(2)
    shown.screen.write("\n")
    shown.screen.finish()
    assert [o["text"] for o in shown.outputs] == ["1", "\n", "2", "\n"]


def test_r23_printing_goes_on_while_a_value_is_made(shown: Shown) -> None:
    class Slow(list[dict[str, int]]):
        """A table whose rows come only once another thread has printed."""

        def __iter__(self) -> Any:
            other = threading.Thread(target=lambda: shown.screen.write("meanwhile\n"))
            other.start()
            other.join(5)
            assert not other.is_alive(), "the screen is locked while the value is made"
            return super().__iter__()

    shown.screen.show(Slow([{"a": 1}]))
    assert [o["kind"] for o in shown.outputs] == ["text", "table"] and "meanwhile\n" in shown.outputs[0]["text"]


def test_r23_output_limit_is_marked_and_holds(tmp_path: Path) -> None:
    shown = Shown(tmp_path, output_bytes=100)
    for _ in range(10_000):
        shown.screen.write("é" * 30 + "\n")
    shown.screen.finish()
    text = shown.outputs[0]["text"]
    assert len(text.encode()) < 250 and "output limit of 100 bytes" in text
    assert sum(len(d["text"].encode()) for k, d in shown.events if k == "log") < 250


def test_r23_too_many_outputs_end_the_program(tmp_path: Path) -> None:
    shown = Shown(tmp_path, max_outputs=3)
    with pytest.raises(OutputLimitError):
        for i in range(5):
            shown.screen.show(i)
    assert len(shown.outputs) == 3


def test_r24_nothing_shown_is_said(shown: Shown) -> None:
    shown.screen.finish()
    assert shown.outputs == [{"kind": "text", "text": NOTHING}]


FRAME = pd.DataFrame(
    {
        "i": [1, 2**60],
        "f": [float("nan"), float("inf")],
        "s": ["x", None],
        "d": [Decimal("1.10"), None],
        "b": [b"\x00\xff", None],
        "t": [datetime(2024, 1, 2, 3, 4), None],
        "n": [{"k": [1, float("nan")]}, None],
        "ok": [True, False],
    }
)


def test_n12_values_are_plain_json(shown: Shown) -> None:
    shown.screen.show(FRAME)
    table = shown.outputs[0]["table"]
    assert [c["type"] for c in table["columns"]] == ["int", "float", "string", "decimal", "binary", "timestamp", "nested", "bool"]
    assert table["rows"][0] == [1, None, "x", "1.10", "AP8=", "2024-01-02T03:04:00", {"k": [1.0, None]}, True]
    assert table["rows"][1] == [str(2**60), None, None, None, None, None, None, False]
    assert table["total"] == 2 and table["file"] == "r/output-1.parquet"
    assert pq.read_table(shown.folder / table["file"]).num_rows == 2


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": [1, 2]}),
        pd.Series([1, 2], name="a"),
        pl.DataFrame({"a": [1, 2]}),
        pl.LazyFrame({"a": [1, 2]}),
        pa.table({"a": [1, 2]}),
        [{"a": 1}, {"a": 2}],
        [{"a": np.int64(1)}, {"a": np.int64(2)}],
        pa.record_batch({"a": [1, 2]}),
    ],
)
def test_n12_tables_of_every_kind(shown: Shown, value: Any) -> None:
    shown.screen.show(value)
    assert shown.outputs[0]["table"]["rows"] == [[1], [2]]
    assert shown.outputs[0]["table"]["columns"] == [{"name": "a", "type": "int"}]


def test_n12_first_rows_inline_and_the_whole_in_a_file(tmp_path: Path) -> None:
    shown = Shown(tmp_path, inline_rows=10)
    shown.screen.show(pd.DataFrame({"a": range(5000)}))
    table = shown.outputs[0]["table"]
    assert len(table["rows"]) == 10 and table["total"] == 5000
    assert pq.read_table(tmp_path / table["file"]).num_rows == 5000


def test_n12_a_wide_table_does_not_flood_the_log(shown: Shown) -> None:
    shown.screen.show(pd.DataFrame({"a": ["x" * 10_000] * 1000}))
    assert len(json.dumps(shown.outputs)) < 2 << 20 and shown.outputs[0]["table"]["total"] == 1000


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (pd.DataFrame({"a": [1, 2, 2]}).groupby("a").size(), [[1, 1], [2, 2]]),
        (pd.DataFrame({("x", "y"): [1], ("x", "z"): [2]}), [[1, 2]]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), [[1, 2]]),
        (pd.DataFrame({"a": [1, "x", None]}), [["1"], ["x"], [None]]),
        (pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}), [[1], [None]]),
        (pd.DataFrame({"a": pd.to_datetime(["2024-01-02", None])}), [["2024-01-02"], [None]]),
        ([{"a": "\ud800"}], [["?"]]),
        ([{"a": 1}, {"b": "x"}], [[1, None], [None, "x"]]),
        ({"total": np.float64(1.5)}, [[1.5]]),
        ([1, 2], [[1], [2]]),
        (pd.DataFrame({"a": [date(2024, 1, 2)]}), [["2024-01-02"]]),
        (pd.DataFrame({"a": []}), []),
        (pd.DataFrame(), []),
    ],
)
def test_n12_awkward_tables(shown: Shown, value: Any, rows: list[Any]) -> None:
    shown.screen.show(value)
    assert shown.outputs[0]["table"]["rows"] == rows


def test_n12_scalars_are_texts(shown: Shown) -> None:
    for value in (1, "é", np.int64(7), 1.5, None):
        shown.screen.show(value)
    assert [o["text"] for o in shown.outputs] == ["1", "é", "7", "1.5"]


def test_n12_figures_become_images(shown: Shown) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.figure(figsize=(100, 2)).gca().plot([1, 2])
    plt.figure().gca().bar(["a"], [1])
    shown.screen.finish()
    assert [o["kind"] for o in shown.outputs] == ["image", "image"] and not plt.get_fignums()
    image = shown.outputs[0]["image"]
    assert image["width"] <= 4000 and image["height"] >= 1
    assert (shown.folder / image["file"]).read_bytes().startswith(b"\x89PNG")


def test_n12_charts_carry_their_data_and_nothing_else(shown: Shown) -> None:
    import altair as alt

    chart = alt.Chart(pd.DataFrame({"href": ["u"], "x": [1.0], "y": [float("nan")]})).mark_bar().encode(x="x", y="y", href="href")
    shown.screen.show(chart)
    shown.screen.show({"mark": "bar", "data": {"url": "http://evil/data.csv"}, "encoding": {"x": {"field": "a"}, "url": {"field": "a"}}})
    shown.screen.show({"mark": "bar", "data": pd.DataFrame({"a": [1]}), "encoding": {"size": {"value": {"expr": "width"}}}})
    first, second, third = (o["spec"] for o in shown.outputs)
    assert next(iter(first["datasets"].values())) == [{"href": "u", "x": 1.0, "y": None}] and "href" not in first["encoding"]
    assert second["data"] == {"values": []} and "url" not in json.dumps(second)
    assert "expr" not in json.dumps(third)


def test_s3_a_planted_link_is_not_followed(shown: Shown, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "r" / "output-1.parquet").symlink_to(victim)
    with pytest.raises(OSError):
        shown.screen.show([{"a": 1}])
    assert victim.read_text() == "untouched"
