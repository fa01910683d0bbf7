"""Writes Parquet files of many kinds into a folder and prints their paths."""

import datetime
import decimal
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def types(n):
    day = datetime.date(2024, 1, 1)
    at = datetime.datetime(2024, 1, 1, 1, 2, 3, 456789)
    return pa.table(
        {
            "i": pa.array([None if i % 7 == 0 else i for i in range(n)], pa.int64()),
            "small": pa.array([i % 100 - 50 for i in range(n)], pa.int8()),
            "u": pa.array([i * 1000 for i in range(n)], pa.uint32()),
            "f": pa.array([i / 4 for i in range(n)], pa.float64()),
            "f32": pa.array([i / 2 for i in range(n)], pa.float32()),
            "s": pa.array([None if i % 5 == 0 else f"text {i % 50}" for i in range(n)]),
            "kind": pa.array([f"k{i % 3}" for i in range(n)]).dictionary_encode(),
            "d": [day + datetime.timedelta(days=i % 400) for i in range(n)],
            "t": pa.array([at + datetime.timedelta(hours=i) for i in range(n)], pa.timestamp("us")),
            "z": pa.array([at + datetime.timedelta(hours=i) for i in range(n)], pa.timestamp("us", "UTC")),
            "ms": pa.array([datetime.datetime(2024, 1, 1, 0, i % 60) for i in range(n)], pa.timestamp("ms")),
            "dec": pa.array([None if i % 9 == 0 else decimal.Decimal(i - 20) / 4 for i in range(n)], pa.decimal128(12, 2)),
            "b": [i % 2 == 0 for i in range(n)],
            "raw": pa.array([bytes([255, i % 256]) for i in range(n)], pa.binary()),
            "clock": [datetime.time(i % 24, 2, 3) for i in range(n)],
            "list": [[i, i + 1] if i % 3 else None for i in range(n)],
            "struct": [{"a": i, "b": [str(i)]} for i in range(n)],
            "none": pa.nulls(n, pa.string()),
        }
    )


def main():
    folder = sys.argv[1]
    small, large = types(50), types(30_000)
    writes = {
        "small.parquet": (small, {}),
        "v2.parquet": (small, {"data_page_version": "2.0"}),
        "plain.parquet": (small, {"use_dictionary": False, "compression": "none", "write_statistics": False}),
        "zstd.parquet": (large, {"compression": "zstd", "row_group_size": 1000}),
        "gzip.parquet": (large, {"compression": "gzip"}),
        "zstd-v2.parquet": (large, {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False}),
        "old-times.parquet": (small.select(["i", "t"]), {"use_deprecated_int96_timestamps": True}),
        "delta.parquet": (
            large.select(["i", "u", "s", "t"]),
            {
                "use_dictionary": False,
                "column_encoding": {"i": "DELTA_BINARY_PACKED", "u": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "t": "DELTA_BINARY_PACKED"},
            },
        ),
        "delta-length.parquet": (
            large.select(["f", "s"]),
            {"use_dictionary": False, "column_encoding": {"f": "BYTE_STREAM_SPLIT", "s": "DELTA_LENGTH_BYTE_ARRAY"}},
        ),
        "wide-rows.parquet": (pa.table({"n": range(2000), "text": [f"{i}" * 4000 for i in range(2000)]}), {"compression": "none"}),
    }
    for name, (table, options) in writes.items():
        path = os.path.join(folder, name)
        pq.write_table(table, path, **options)
        print(path)


if __name__ == "__main__":
    main()
