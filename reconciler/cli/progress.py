"""Shows what happens while it happens: one line per event, and on a terminal the running steps besides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from reconciler.cli.plain import plain
from reconciler.reconcile.events import Event, Kind, Notify

_COLOURS = {Kind.WARNING: "yellow", Kind.PROBLEM: "yellow", Kind.RUN_STARTED: "cyan"}


@contextmanager
def watching() -> Iterator[Notify]:
    """A listener that prints."""
    yield _line


def _line(event: Event) -> None:
    click.secho(plain(event.text), err=True, fg=_COLOURS.get(event.kind))
