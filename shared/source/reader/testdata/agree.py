"""Reads the files of a manifest the way a runner does and prints how pyarrow differs from what their profiles promise.

The manifest is a JSON list of {file, profile, loose}; the mapping of a dialect to options is the one that the Dialect type documents.
Prints one line of JSON for each file: {"file", "problems": [...]}.
"""

import datetime
import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

PLAIN = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "string": pa.string()}


def arrow_type(column):
    kind = column["type"]
    if kind == "timestamp":
        return pa.timestamp("us", "UTC" if column.get("zoned") else None)
    if kind == "date":
        return pa.timestamp("s")
    return PLAIN[kind]


def read_csv(path, profile):
    d = profile["dialect"]
    columns = profile["columns"]
    formats = sorted({c["format"] for c in columns if c.get("format")}, key=lambda f: "%y" not in f)
    table = pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(
            encoding=d["encoding"],
            skip_rows=d.get("skip_rows", 0),
            column_names=[c["name"] for c in columns],
            skip_rows_after_names=1 if d["header"] else 0,
            block_size=4 << 20,
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=d["delimiter"],
            quote_char=d.get("quote") or False,
            double_quote=True,
            newlines_in_values=d.get("multiline", False),
            invalid_row_handler=lambda row: "skip",
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            decimal_point=d.get("decimal", "."),
            null_values=d["nulls"],
            strings_can_be_null=not d.get("keep_text", False),
            quoted_strings_can_be_null=True,
            timestamp_parsers=[pyarrow.csv.ISO8601 if f == "ISO8601" else f for f in formats],
            column_types={c["name"]: arrow_type(c) for c in columns},
        ),
    )
    return cast_dates(table, columns)


def read_jsonl(path, profile):
    columns = profile["columns"]
    if any(c.get("raw") for c in columns):
        return read_raw(path, columns)
    schema = pa.schema([(c["name"], arrow_type(c)) for c in columns if c["type"] != "nested"])
    table = pyarrow.json.read_json(
        path,
        read_options=pyarrow.json.ReadOptions(block_size=4 << 20),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="infer"),
    )
    return cast_dates(table, columns)


def read_raw(path, columns):
    with open(path, encoding="utf-8-sig") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    arrays = []
    for c in columns:
        values = [r.get(c["name"]) for r in rows]
        if c.get("raw"):
            values = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
        array = pa.array(values)
        if c["type"] not in ("nested", "string"):
            array = array.cast(arrow_type(c))
        arrays.append(array)
    return cast_dates(pa.table(arrays, names=[c["name"] for c in columns]), columns)


def cast_dates(table, columns):
    for i, c in enumerate(columns):
        if c["type"] == "date":
            table = table.set_column(table.column_names.index(c["name"]), c["name"], table[c["name"]].cast(pa.date32()))
    return table


def text(value, column):
    if isinstance(value, datetime.datetime):
        s = value.isoformat().replace("+00:00", "").rstrip()
        if "." in s:
            s = s.rstrip("0")
        return s + ("Z" if column.get("zoned") else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def same(got, want, kind):
    if kind == "float":
        return float(got) == float(want)
    return str(got) == want


def compare(table, profile, loose):
    problems = []
    names = [c["name"] for c in profile["columns"]]
    if table.column_names != names:
        problems.append(f"columns {table.column_names} instead of {names}")
        return problems
    if table.num_rows != profile["rows"]:
        problems.append(f"{table.num_rows} rows instead of {profile['rows']}")
    if loose:
        return problems
    for c in profile["columns"]:
        data = table[c["name"]]
        if c["type"] == "nested":
            continue
        if data.null_count != c["nulls"]:
            problems.append(f"{c['name']}: {data.null_count} nulls instead of {c['nulls']}")
        if not c.get("min"):
            continue
        if pa.types.is_decimal(data.type):
            data = data.cast(pa.float64())
        got = pc.min_max(data).as_py()
        for side in ("min", "max"):
            if not same(text(got[side], c), c[side], c["type"]):
                problems.append(f"{c['name']}: {side} {text(got[side], c)!r} instead of {c[side]!r}")
    return problems


def main():
    readers = {"csv": read_csv, "jsonl": read_jsonl, "parquet": lambda path, profile: pyarrow.parquet.read_table(path)}
    for entry in json.load(open(sys.argv[1], encoding="utf-8")):
        try:
            table = readers[entry["profile"]["format"]](entry["file"], entry["profile"])
            problems = compare(table, entry["profile"], entry.get("loose", False))
        except Exception as error:  # every difference is a finding, whatever its kind
            problems = [f"{type(error).__name__}: {error}"]
        print(json.dumps({"file": entry["file"], "problems": problems}))


if __name__ == "__main__":
    main()
