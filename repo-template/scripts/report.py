"""Draw the scores and write the report."""

import csv
import json
import os

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Customers who may leave</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}
td, th {{ padding: .1rem 1rem .1rem 0; text-align: left }} td.n {{ text-align: right }}</style></head><body>
<h1>Customers who may leave</h1>
<p>Learned from {rows} customers; right for <b>{accuracy:.1%}</b> of those it had not seen.</p>
{picture}
<h2>Most likely to leave</h2><table><tr><th>customer</th><th>probability</th><th>left?</th></tr>{customers}</table>
<h2>What counts</h2><table><tr><th>feature</th><th>weight</th></tr>{weights}</table>
</body></html>
"""


def histogram(scores, width=640, height=220, bins=20):
    """The customers by probability: those who left above those who stayed, as SVG."""
    counts = [[0, 0] for _ in range(bins)]
    for guess, truth in scores:
        counts[min(int(guess * bins), bins - 1)][truth] += 1
    unit = (height - 40) / max(map(sum, counts))
    bars = []
    for index, (stayed, left) in enumerate(counts):
        x = 10 + index * (width - 20) / bins
        for count, below, colour in ((stayed, 0, "#4c9a7d"), (left, stayed, "#d1603d")):
            y = height - 30 - (below + count) * unit
            bars.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{(width - 20) / bins - 2:.1f}" '
                f'height="{count * unit:.1f}" fill="{colour}"/>'
            )
    labels = "".join(
        f'<text x="{10 + share * (width - 20):.0f}" y="{height - 12}" text-anchor="middle">{share:.0%}</text>'
        for share in (0.1, 0.3, 0.5, 0.7, 0.9)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>'
        f'{"".join(bars)}{labels}'
        f'<text x="{width - 10}" y="16" text-anchor="end"><tspan fill="#d1603d">left</tspan> and '
        f'<tspan fill="#4c9a7d">stayed</tspan>, by predicted probability</text></svg>'
    )


with open("scores.csv") as file:
    scores = list(csv.DictReader(file))
with open("model.json") as file:
    model = json.load(file)

picture = histogram([(float(row["probability"]), int(row["left"])) for row in scores])
customers = "".join(
    f'<tr><td>{row["customer"]}</td><td class="n">{float(row["probability"]):.0%}</td>'
    f'<td>{"yes" if row["left"] == "1" else "no"}</td></tr>'
    for row in scores[:10]
)
weights = "".join(
    f'<tr><td>{name}</td><td class="n">{weight:+.2f}</td></tr>'
    for name, weight in zip(model["features"], model["weights"][1:])
)
with open("scores.svg", "w") as file:
    file.write(picture)
with open("report.html", "w") as file:
    accuracy = float(os.environ["INPUT_ACCURACY"])
    rows = os.environ["INPUT_ROWS"]
    file.write(PAGE.format(rows=rows, accuracy=accuracy, picture=picture, customers=customers, weights=weights))
print("report.html and scores.svg are written")
