"""Makes the files that the questions are asked about. Run it with the project's Python; the result is always the same."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent / "files"


def rows_csv(name: str, header: list[str], rows: list[list[object]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    with open(HERE / name, "w", newline="", encoding=encoding) as out:
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def orders(r: random.Random) -> None:
    """English order lines with ISO dates, a yes-no column and a few missing values."""
    products = {"Lamp": 24.5, "Desk": 310.0, "Chair": 89.9, "Shelf": 120.25, "Rug": 64.0, "Mirror": 45.75, "Sofa": 899.0}
    rows = []
    for i in range(1, 601):
        product = r.choice(list(products))
        quantity = r.randint(1, 9)
        day = dt.date(2022, 1, 1) + dt.timedelta(days=r.randint(0, 1094))
        revenue = round(quantity * products[product] * r.uniform(0.8, 1.0), 2)
        rows.append([
            1000 + i, f"C{r.randint(1, 60):03d}", product, r.choice(["North", "South", "East", "West"]),
            r.choice(["paid", "paid", "paid", "open", "returned"]), quantity, products[product], "" if r.random() < 0.03 else revenue,
            day.isoformat(), r.choice(["true", "false", "false", "false"]),
        ])
    rows_csv("orders.csv", ["order_id", "customer_id", "product", "region", "status", "quantity", "unit_price", "revenue", "order_date", "is_gift"], rows)


def customers(r: random.Random) -> None:
    """One row for each customer of the orders, to be joined."""
    rows = []
    for i in range(1, 66):
        born = r.randint(1950, 2004)
        rows.append([f"C{i:03d}", f"Customer {i}", r.choice(["Berlin", "Paris", "Madrid", "Rome", "Vienna"]), r.choice(["business", "private"]), 2024 - born if r.random() > 0.1 else ""])
    rows_csv("customers.csv", ["customer_id", "name", "city", "segment", "age"], rows)


def umsatz(r: random.Random) -> None:
    """A German export: semicolons, decimal commas, day-first dates, n/a, umlauts, Windows encoding."""
    rows = []
    for _ in range(180):
        day = dt.date(2023, 1, 1) + dt.timedelta(days=r.randint(0, 545))
        amount = f"{r.uniform(15, 4200):.2f}".replace(".", ",")
        rows.append([
            day.strftime("%d.%m.%Y"), r.choice(["München", "Köln", "Hamburg", "Düsseldorf"]), r.choice(["Müller", "Schäfer", "Weiß", "Özdemir", "Vogel"]),
            "n/a" if r.random() < 0.08 else amount, f"{r.uniform(0.5, 80):.1f}".replace(".", ",") if r.random() > 0.05 else "n/a", r.randint(1, 40),
        ])
    rows_csv("umsatz_2023.csv", ["Datum", "Filiale", "Verkäufer", "Umsatz (EUR)", "Gewicht (kg)", "Stück"], rows, delimiter=";", encoding="windows-1252")


def sensors(r: random.Random) -> None:
    """JSON lines with times, missing fields and a nested value."""
    start = dt.datetime(2024, 2, 26)
    with open(HERE / "readings.jsonl", "w", encoding="utf-8") as out:
        for i in range(480):
            at = start + dt.timedelta(hours=2 * i, minutes=r.randint(0, 59))
            reading = {"recorded_at": at.strftime("%Y-%m-%d %H:%M:%S"), "sensor": r.choice(["S-1", "S-2", "S-3"]), "site": r.choice(["roof", "cellar"]),
                       "temperature_c": round(12 + 9 * r.random() + (6 if i % 12 > 5 else 0), 2), "humidity": r.randint(20, 95), "battery_ok": r.random() > 0.15}
            if r.random() < 0.07:
                del reading["humidity"]
            if r.random() < 0.04:
                reading["temperature_c"] = None
            reading["meta"] = {"firmware": "1." + str(r.randint(0, 3))}
            out.write(json.dumps(reading) + "\n")


def employees(r: random.Random) -> None:
    """Parquet with real dates, whole numbers and camel-case names."""
    n = 150
    table = pa.table({
        "EmployeeID": pa.array(range(1, n + 1), pa.int32()),
        "FullName": [f"Person {i}" for i in range(1, n + 1)],
        "Department": [r.choice(["Sales", "Engineering", "Support", "Finance", "Legal"]) for _ in range(n)],
        "JobTitle": [r.choice(["Manager", "Analyst", "Specialist"]) for _ in range(n)],
        "BaseSalary": pa.array([float(r.randrange(32000, 120000, 250)) for _ in range(n)]),
        "Bonus": pa.array([float(r.randrange(0, 9000, 100)) if r.random() > 0.3 else None for _ in range(n)]),
        "HireDate": pa.array([dt.date(2010, 1, 1) + dt.timedelta(days=r.randint(0, 5200)) for _ in range(n)]),
        "Age": pa.array([r.randint(20, 66) for _ in range(n)], pa.int64()),
        "Remote": pa.array([r.random() < 0.4 if r.random() > 0.05 else None for _ in range(n)]),
    })
    pq.write_table(table, HERE / "employees.parquet")


def survey(r: random.Random) -> None:
    """A wide file: 40 questions, answers 1 to 5, missing as NA, tabs."""
    header = ["respondent", "Age group", "Country", "Completed?"] + [f"Q{i}" for i in range(1, 41)]
    rows = []
    for i in range(1, 121):
        answers = [r.choice([1, 2, 3, 4, 5, 5, 4, "NA"]) if r.random() > 0.05 else "NA" for _ in range(40)]
        rows.append([f"R{i}", r.choice(["18-29", "30-44", "45-64", "65+"]), r.choice(["Germany", "France", "Italy", "New Zealand", "South Korea"]), r.choice(["yes", "yes", "no"]), *answers])
    rows_csv("survey.tsv", header, rows, delimiter="\t")


def countries(r: random.Random) -> None:
    """A year column and no dates: figures by country and year."""
    rows = []
    for country, continent in [("Norway", "Europe"), ("Spain", "Europe"), ("Kenya", "Africa"), ("Ghana", "Africa"), ("Japan", "Asia"), ("India", "Asia"), ("Peru", "South America"), ("Chile", "South America")]:
        for year in range(2010, 2025):
            rows.append([country, continent, year, r.randint(4, 90) * 100000, round(r.uniform(55, 84), 1), round(r.uniform(1, 70), 2)])
    rows_csv("countries.csv", ["country", "continent", "year", "population", "life expectancy", "gdp (billion usd)"], rows)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for number, make in enumerate([orders, customers, umsatz, sensors, employees, survey, countries]):
        make(random.Random(56_000 + number))


if __name__ == "__main__":
    main()
