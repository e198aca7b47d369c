"""The table that `make bench` prints: ours beside the floor or the peer that was measured in the same run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Goal:
    """A bound on `ours / its`, or on ours alone where a unit is named."""

    bound: float
    unit: str = "x"
    least: bool = False

    def __str__(self) -> str:
        return f"at {'least' if self.least else 'most'} {self.bound:g} {self.unit}"

    def is_met(self, row: Row) -> bool:
        value = row.ratio if self.unit == "x" else row.ours
        return value >= self.bound if self.least else value <= self.bound


@dataclass(frozen=True)
class Row:
    """One comparison; `unit` belongs to `ours` and to `peer`."""

    name: str
    ours: float
    peer_name: str = ""
    peer: float = math.nan
    unit: str = "s"
    goal: Goal | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "yes" if self.goal.is_met(self) else "NO"


HEADINGS = ("what", "ours", "floor or peer", "its", "unit", "ours / its", "goal", "met")


def show(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, aligned for reading as it is."""
    cells = [HEADINGS, *((_cells(row)) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        _number(row.ours),
        row.peer_name,
        _number(row.peer),
        row.unit,
        "" if math.isnan(row.ratio) else f"{row.ratio:.2f} x",
        str(row.goal or ""),
        row.verdict,
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def best_of(
    rounds: int, *contestants: Callable[[], object], before: Callable[[], object] = lambda: None
) -> list[float]:
    """The shortest time of each in seconds. They take turns, so that a slow minute strikes all of them."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for index, contestant in enumerate(contestants):
            before()
            start = perf_counter()
            contestant()
            best[index] = min(best[index], perf_counter() - start)
    return best
