"""The table that `make bench` prints: ours beside the floor or the peer that was measured in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Row:
    """One comparison. `goal` is text, such as "at most 1.25 x"; `unit` belongs to `ours` and to `peer`."""

    name: str
    ours: float
    peer_name: str
    peer: float
    unit: str = "s"
    goal: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.peer


HEADINGS = ("what", "ours", "floor or peer", "its", "unit", "ours / its", "goal")


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
        f"{row.ours:.3g}" if row.ours < 1000 else f"{row.ours:,.0f}",
        row.peer_name,
        f"{row.peer:.3g}" if row.peer < 1000 else f"{row.peer:,.0f}",
        row.unit,
        f"{row.ratio:.2f} x",
        row.goal,
    )


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
