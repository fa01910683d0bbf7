"""Writes the example data of docs/ to the standard output: the same bytes on every machine and with every Python.

python3 scripts/make_sales.py csv     1,000 orders of a shop, two years
python3 scripts/make_sales.py jsonl   the returns of some of these orders
"""

import csv
import datetime
import json
import sys

PRODUCTS = [  # name, category, price in cents
    ("Laptop", "Computers", 109900),
    ("Monitor", "Computers", 24950),
    ("Keyboard", "Accessories", 5990),
    ("Mouse", "Accessories", 2490),
    ("Headphones", "Audio", 12900),
    ("Speaker", "Audio", 7990),
    ("Desk", "Furniture", 34900),
    ("Chair", "Furniture", 18900),
    ("Notebook", "Paper", 390),
    ("Pen set", "Paper", 1290),
]
REGIONS = [("North", 30), ("South", 25), ("East", 25), ("West", 20)]  # with their share in percent
CUSTOMERS = [("Business", 45), ("Consumer", 40), ("Public", 15)]
REASONS = ["damaged", "wrong item", "too late", "not as described", "no longer needed"]
ORDERS = 1000
FIRST_DAY = datetime.date(2023, 1, 1)
DAYS = 730


class Dice:
    """A linear congruential generator (Numerical Recipes' constants), so that no library decides the data."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, limit: int) -> int:
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return (self.state >> 8) % limit

    def weighted(self, shares: list[tuple[str, int]]) -> str:
        at = self.below(100)
        for name, share in shares:
            at -= share
            if at < 0:
                return name
        raise ValueError("the shares are less than 100 percent")


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def orders() -> list[dict[str, str]]:
    dice = Dice(2023)
    days = sorted(dice.below(DAYS) for _ in range(ORDERS))
    rows = []
    for number, day in enumerate(days, start=1):
        product, category, price = PRODUCTS[dice.below(len(PRODUCTS))]
        customer = dice.weighted(CUSTOMERS)
        quantity = 1 + dice.below(12 if customer == "Business" else 4)
        discount = 90 if quantity >= 10 else 100  # percent of the price
        unit = price * discount // 100
        rows.append(
            {
                "order_id": f"A{number:05d}",
                "order_date": (FIRST_DAY + datetime.timedelta(days=day)).isoformat(),
                "region": dice.weighted(REGIONS),
                "product": product,
                "category": category,
                "quantity": str(quantity),
                "unit_price": money(unit),
                "revenue": money(unit * quantity),
                "customer_type": customer,
                "rating": "" if dice.below(8) == 0 else str(1 + max(dice.below(5), dice.below(5))),
            }
        )
    return rows


def returns(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    dice = Dice(7)
    back = []
    for row in rows:
        if dice.below(14) == 0:
            day = datetime.date.fromisoformat(row["order_date"]) + datetime.timedelta(days=3 + dice.below(25))
            back.append(
                {
                    "order_id": row["order_id"],
                    "return_date": day.isoformat(),
                    "quantity": 1 + dice.below(int(row["quantity"])),
                    "reason": REASONS[dice.below(len(REASONS))],
                }
            )
    return back


def main(kind: str) -> None:
    rows = orders()
    if kind == "csv":
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif kind == "jsonl":
        for line in returns(rows):
            print(json.dumps(line))
    else:
        raise SystemExit(f"make_sales.py writes csv or jsonl, not {kind}.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
