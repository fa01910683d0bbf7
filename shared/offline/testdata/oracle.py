"""What the answers are, by plain pandas: the files as pandas reads them, and how two answers are compared."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pandas as pd

FILES = Path(__file__).parent / "files"
SALES = Path(__file__).parents[3] / "docs" / "sales.csv"


def frames() -> dict[str, Any]:
    """Names for the expressions in questions.json."""
    orders = pd.read_csv(FILES / "orders.csv", parse_dates=["order_date"])
    customers = pd.read_csv(FILES / "customers.csv")
    return {
        "pd": pd,
        "o": orders,
        "c": customers,
        "oc": orders.merge(customers, on="customer_id"),
        "u": pd.read_csv(FILES / "umsatz_2023.csv", sep=";", decimal=",", encoding="cp1252", na_values=["n/a"], parse_dates=["Datum"], date_format="%d.%m.%Y"),
        "r": pd.read_json(FILES / "readings.jsonl", lines=True, convert_dates=["recorded_at"]),
        "e": pd.read_parquet(FILES / "employees.parquet").assign(HireDate=lambda f: pd.to_datetime(f["HireDate"])),
        "s": pd.read_csv(FILES / "survey.tsv", sep="\t"),
        "d": pd.read_csv(SALES, parse_dates=["order_date"]),
        "k": pd.read_csv(FILES / "countries.csv"),
    }


def rows(answer: Any) -> list[tuple[Any, ...]]:
    """An answer as rows of plain values: a number, a list, a Series with its index, or a frame."""
    if isinstance(answer, pd.Series):
        answer = answer.rename("value").reset_index()
    if isinstance(answer, pd.DataFrame):
        if not isinstance(answer.index, pd.RangeIndex) and answer.index.names != [None]:
            answer = answer.reset_index()
        return [tuple(plain(v) for v in row) for row in answer.itertuples(index=False, name=None)]
    if isinstance(answer, (list, tuple)) or type(answer).__name__ in ("ndarray", "ArrowStringArray", "StringArray", "ArrowStringArrayNumpySemantics"):
        return [tuple(plain(x) for x in v) if isinstance(v, tuple) else (plain(v),) for v in answer]
    return [(plain(answer),)]


def plain(value: Any) -> Any:
    """One cell: missing is None, a day is its ISO text, a whole float is a float."""
    if value is None or value is pd.NA or value is pd.NaT or isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, (pd.Timestamp, dt.datetime, dt.date)):
        text = pd.Timestamp(value).isoformat()
        return text.removesuffix("T00:00:00")
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def same(got: Any, want: Any, ordered: bool) -> bool:
    """Whether two answers hold the same rows; without an order, as sets of rows with their counts."""
    left, right = rows(got), rows(want)
    if len(left) != len(right):
        return False
    if not ordered:
        left, right = sorted(left, key=repr_key), sorted(right, key=repr_key)
    return all(len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True)) for a, b in zip(left, right, strict=True))


def repr_key(row: tuple[Any, ...]) -> str:
    return repr([f"{v:.6g}" if isinstance(v, (int, float)) and not isinstance(v, bool) else v for v in row])


def equal(x: Any, y: Any) -> bool:
    if isinstance(x, bool) or isinstance(y, bool):
        return x == y
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9)
    return x == y
