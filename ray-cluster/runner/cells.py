"""Values as JSON: what stands in the rows of a table output."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

MAX_TEXT = 16 << 10
_MAX_BYTES = 1 << 10
_SAFE = 2**53


def value(item: Any, depth: int = 0) -> Any:
    """One value as JSON: whole numbers beyond 2^53, decimals and moments as texts; NaN, NaT and infinities as null."""
    if item is None or isinstance(item, (bool, str)):
        return _cut(item) if isinstance(item, str) else item
    if isinstance(item, int):
        return item if -_SAFE <= item <= _SAFE else str(item)
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    if isinstance(item, (datetime, date, time)):
        return None if str(item) == "NaT" else item.isoformat()
    if isinstance(item, Decimal):
        return str(item) if item.is_finite() else None
    if isinstance(item, timedelta):
        return None if str(item) == "NaT" else str(item)
    if isinstance(item, (bytes, bytearray, memoryview)):
        return _binary(bytes(item))
    return _composite(item, depth)


def _composite(item: Any, depth: int) -> Any:
    if depth > 20:
        return "…"
    if isinstance(item, Mapping):
        return {str(k): value(v, depth + 1) for k, v in item.items()}
    if isinstance(item, (list, tuple, set, frozenset)):
        return [value(v, depth + 1) for v in item]
    if hasattr(item, "tolist"):  # numpy's scalars and arrays
        plain = item.tolist()
        return value(plain, depth + 1) if type(plain) is not type(item) else _cut(str(item))
    if str(item) in ("<NA>", "NaT"):
        return None
    return _cut(str(item))


def _cut(text: str) -> str:
    # A lone surrogate has no UTF-8 form; the log is UTF-8.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _binary(raw: bytes) -> str:
    text = base64.b64encode(raw[:_MAX_BYTES]).decode()
    return text if len(raw) <= _MAX_BYTES else text + "…"


def type_name(kind: Any) -> str:
    """The word for an Arrow type: those of sources, and decimal, time, duration and binary beside them."""
    import pyarrow.types as types

    tests = (
        (types.is_boolean, "bool"),
        (types.is_integer, "int"),
        (types.is_floating, "float"),
        (types.is_decimal, "decimal"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
        (types.is_time, "time"),
        (types.is_duration, "duration"),
        (types.is_nested, "nested"),
        (types.is_binary, "binary"),
        (types.is_large_binary, "binary"),
    )
    if types.is_dictionary(kind):
        return type_name(kind.value_type)
    return next((name for test, name in tests if test(kind)), "string")


def column(array: Any, kind: str) -> tuple[str, list[Any]]:
    """One Arrow column as JSON values, and its type: a timestamp column that holds only days without a time is a date column."""
    try:
        items = array.to_pylist()
    except (ValueError, OverflowError):  # nanoseconds that Python's datetime cannot hold
        items = array.cast("string").to_pylist()
    if kind == "timestamp" and _only_days(items):
        return "date", [None if i is None else i.date().isoformat() for i in items]
    return kind, [value(i) for i in items]


def _only_days(items: list[Any]) -> bool:
    present = [i for i in items if isinstance(i, datetime)]
    if not present or len(present) != sum(i is not None for i in items):
        return False
    return all(i.tzinfo is None and i.time() == time() and not getattr(i, "nanosecond", 0) for i in present)
