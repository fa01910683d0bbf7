"""How a source's text is written, as options of pyarrow and pandas."""

from __future__ import annotations

from typing import Any

from runner.protocol import Column, Dialect, Source

_YES = ["1", "true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y"]
_NO = ["0", "false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N"]
# Arrow reads these itself; every other format is parsed after the text was read, column by column, because Arrow tries one list of
# formats on all columns, and day-first and month-first columns of one file would be mixed up.
_ISO = frozenset({"", "ISO8601", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"})


def codec(name: str) -> str:
    """The codec of a dialect; windows-1252 is not latin-1 (the euro sign), and utf-16 without a mark has its order in its name."""
    return "utf8" if name.lower() in ("", "utf-8", "utf8") else name


def _skip_row(_row: Any) -> str:
    return "skip"  # the upload's profile has counted and named such rows


def csv_options(source: Source) -> dict[str, Any]:
    """Keyword arguments for pyarrow.csv.read_csv and ray.data.read_csv."""
    from pyarrow import csv

    dialect = source.dialect or Dialect()
    # The profile's names were cleaned and made unique, so they stand for the header line, too.
    names = [c.name for c in source.columns] or None
    return {
        "read_options": csv.ReadOptions(
            use_threads=False,
            encoding=codec(dialect.encoding),
            skip_rows=dialect.skip_rows,
            column_names=names,
            autogenerate_column_names=not dialect.header and not names,
            block_size=4 << 20,
            skip_rows_after_names=1 if names and dialect.header else 0,
        ),
        "parse_options": csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            double_quote=True,
            newlines_in_values=dialect.multiline,
            invalid_row_handler=_skip_row,
        ),
        "convert_options": csv.ConvertOptions(
            column_types=_arrow_types(source),
            null_values=sorted({"", *dialect.nulls}),
            strings_can_be_null=not dialect.keep_text,
            quoted_strings_can_be_null=True,
            decimal_point=dialect.decimal,
            true_values=_YES,
            false_values=_NO,
        ),
    }


def _arrow_types(source: Source) -> dict[str, Any]:
    import pyarrow as pa

    kinds = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "string": pa.string()}
    made = {}
    for column in source.columns:
        if column.type in ("date", "timestamp"):
            made[column.name] = _moment(column) if column.format in _ISO else pa.string()
        elif column.type in kinds:
            made[column.name] = kinds[column.type]
    return made


def _moment(column: Column) -> Any:
    import pyarrow as pa

    return pa.timestamp("us", "UTC" if column.zoned else None)


def late_columns(source: Source) -> dict[str, str]:
    """Columns that are read as text first, and their formats."""
    return {c.name: c.format for c in source.columns if c.type in ("date", "timestamp") and c.format not in _ISO}


def finish(table: Any, late: dict[str, str]) -> Any:
    """Parses the columns that were read as text."""
    import pandas as pd
    import pyarrow as pa

    for name, pattern in late.items():
        position = table.schema.get_field_index(name)
        if position < 0 or not pa.types.is_string(table.schema.field(position).type):
            continue
        texts = table.column(position).to_pandas()
        try:
            moments = pd.to_datetime(texts, format=pattern, utc="%z" in pattern)
        except ValueError as error:
            raise ValueError(f"column {name!r} is a date written as {pattern}, but {error}") from error
        kind = pa.timestamp("us", "UTC") if "%z" in pattern else pa.timestamp("us")
        table = table.set_column(position, name, pa.Array.from_pandas(moments, type=kind))
    return table


def pandas_options(source: Source, given: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments for pandas.read_csv: the dialect wherever the program says nothing itself."""
    dialect = source.dialect or Dialect()
    made: dict[str, Any] = {
        "encoding": codec(dialect.encoding).replace("utf8", "utf-8-sig"),
        "decimal": dialect.decimal,
        "skiprows": dialect.skip_rows or None,
        "true_values": _YES[1:],
        "false_values": _NO[1:],
        "on_bad_lines": "skip",
    }
    if not {"sep", "delimiter"} & given.keys():
        made["sep"] = dialect.delimiter
    if dialect.quote:
        made["quotechar"] = dialect.quote
    else:
        made["quoting"] = 3
    if not {"header", "names"} & given.keys():
        made["header"] = 0 if dialect.header else None
        if source.columns:
            made["names"] = [c.name for c in source.columns]
        made.update(_pandas_types(source.columns, given))
        made.update(_pandas_nulls(source.columns, dialect, given))
    return {**made, **given}


def _pandas_nulls(columns: tuple[Column, ...], dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
    """The profile's null markers only: pandas' own list takes Namibia's NA for a missing value."""
    if {"na_values", "keep_default_na", "na_filter"} & given.keys() or not columns:
        return {}
    markers = sorted({"", *dialect.nulls})
    return {"keep_default_na": False, "na_values": {c.name: [] if dialect.keep_text and c.type == "string" else markers for c in columns}}


def _pandas_types(columns: tuple[Column, ...], given: dict[str, Any]) -> dict[str, Any]:
    wanted = given.get("usecols")
    kept = [c for c in columns if not isinstance(wanted, (list, tuple, set)) or c.name in wanted]
    made: dict[str, Any] = {}
    if "dtype" not in given:  # or "00123" would become 123
        made["dtype"] = {c.name: "str" for c in kept if c.type == "string"}
    if not {"parse_dates", "date_format", "dayfirst"} & given.keys():
        moments = {c.name: c.format if c.format != "ISO8601" else "" for c in kept if c.type in ("date", "timestamp")}
        made["parse_dates"] = list(moments)
        made["date_format"] = {n: f or "ISO8601" for n, f in moments.items()}
    return made


def json_options(source: Source) -> dict[str, Any]:
    """Keyword arguments for pyarrow.json.read_json and ray.data.read_json."""
    import pyarrow as pa
    from pyarrow import json

    kinds = _arrow_types(source)
    schema = pa.schema([(c.name, kinds[c.name]) for c in source.columns if c.name in kinds and not c.raw])
    return {
        "read_options": json.ReadOptions(use_threads=False, block_size=4 << 20),
        "parse_options": json.ParseOptions(explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="infer"),
    }


def raw_columns(source: Source) -> frozenset[str]:
    """Columns whose values have several types: Arrow cannot read them, so their lines are read one by one."""
    return frozenset(c.name for c in source.columns if c.raw)


def table_of_lines(lines: Any, raw: frozenset[str]) -> Any:
    """A table of JSON lines, raw columns as their text."""
    import json

    import pyarrow as pa

    rows = [json.loads(line) for line in lines if line.strip()]
    for row in rows:
        for name in raw & row.keys():
            if row[name] is not None and not isinstance(row[name], str):
                row[name] = json.dumps(row[name])
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})
