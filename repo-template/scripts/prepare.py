"""Clean the customers and hold every fourth one back for the test of the model."""

import csv
import sys


def clean(rows):
    """The usable rows, once each: (customer, features..., left)."""
    seen = set()
    for row in rows:
        try:
            values = [
                float(row["tenure_months"]),
                {"monthly": 1.0, "yearly": 0.0}[row["contract"].strip().lower()],
                float(row["monthly_fee"]),
                float(row["support_calls"]),
                float(row["idle_days"]),
            ]
        except (KeyError, ValueError):
            continue
        if row["customer"] not in seen:
            seen.add(row["customer"])
            yield [row["customer"], *values, int(row["left"] == "yes")]


def write(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["customer", "tenure", "monthly", "fee", "calls", "idle", "left"])
        writer.writerows(rows)


with open(sys.argv[1]) as file:
    everything = list(csv.DictReader(file))
customers = list(clean(everything))
write("training.csv", [row for index, row in enumerate(customers) if index % 4])
write("held-back.csv", customers[::4])

for name, value in {"rows.txt": len(customers), "dropped.txt": len(everything) - len(customers)}.items():
    with open(name, "w") as file:
        print(value, file=file)
print(f"{len(customers)} customers, {len(everything) - len(customers)} rows dropped")
