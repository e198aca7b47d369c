"""How commands print: data on stdout, remarks on stderr, and nothing that could harm a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.cli.plain import plain
from reconciler.cli.terminal import has_colour
from reconciler.ledger.moment import took
from reconciler.model.run import Phase

__all__ = ["clock_time", "colour_of", "print_json", "print_table", "print_text", "remark", "size", "took"]

API_VERSION = "reconciler/v1"
_GAP = "  "
_COLOURS: dict[str, str] = {
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Phase.CANCELLED: "red",
    Phase.RUNNING: "cyan",
    Phase.SUSPENDED: "yellow",
}


def print_json(kind: str, **fields: Any) -> None:
    """One document of schemas/output.schema.json; ASCII only, so that no value reaches the terminal raw."""
    print_document({"apiVersion": API_VERSION, "kind": kind, **fields})


def print_document(document: Any) -> None:
    _out(json.dumps(document, indent=2, ensure_ascii=True))


def print_text(text: str, colour: str | None = None) -> None:
    _out(_styled(plain(text), colour, sys.stdout))


def remark(text: str, colour: str | None = None) -> None:
    """Something besides the data: on stderr."""
    print(_styled(plain(text), colour, sys.stderr), file=sys.stderr, flush=True)


def print_table(rows: Iterable[Sequence[str]], indent: str = "") -> None:
    """Columns, aligned; phases are coloured."""
    cells = [[plain(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]  # none where there is no row
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        padded[-1] = row[-1]
        shown = (_styled(text, colour_of(cell), sys.stdout) for text, cell in zip(padded, row, strict=True))
        _out(f"{indent}{_GAP.join(shown)}".rstrip())


def colour_of(word: str) -> str | None:
    """The colour of a phase; None for other words."""
    return _COLOURS.get(word)


def clock_time(moment: datetime | None) -> str:
    """A time for people, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else "-"


def size(count: int) -> str:
    """Bytes for people: `512 B`, `1.4 MiB`."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def _out(text: str) -> None:
    import click  # here and below: a pass prints to stderr alone, and mostly without colour

    click.echo(text)


def _styled(text: str, colour: str | None, stream: Any) -> str:
    if not colour or not has_colour(stream):
        return text
    import click

    return click.style(text, fg=colour)
