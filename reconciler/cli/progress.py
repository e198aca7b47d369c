"""Shows what happens while it happens: one line per event, and on a terminal the running steps besides."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from reconciler import composition
from reconciler.cli.plain import plain
from reconciler.cli.printing import colour_of, remark
from reconciler.cli.terminal import is_terminal
from reconciler.ledger.moment import stamp
from reconciler.model.run import Phase
from reconciler.reconcile.events import Event, Kind
from reconciler.settings import Settings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OF_KIND = {
    Kind.RUN_CARRIED_ON: logging.DEBUG,
    Kind.WARNING: logging.WARNING,
    Kind.PROBLEM: logging.WARNING,
}


class Screen(Protocol):
    """Where events are shown."""

    def show(self, event: Event) -> None:
        """A line."""

    def follow(self, event: Event) -> None:
        """What is running changes by this event, worth a line or not."""

    def refresh(self) -> None:
        """Time has passed."""


class Watch:
    """Listens to a pass; `screen` shows what is worth it."""

    def __init__(self, screen: Screen, level: int) -> None:
        self._screen = screen
        self._level = level

    def __call__(self, event: Event) -> None:
        self._screen.follow(event)
        if _OF_KIND.get(event.kind, logging.INFO) >= self._level:
            self._screen.show(event)

    def between(self, stopped: Callable[[], bool]) -> Callable[[], bool]:
        """`stopped`, showing meanwhile that time passes: it is asked between two ticks."""

        def ask() -> bool:
            self._screen.refresh()
            return stopped()

        return ask


@contextmanager
def watching(settings: Settings) -> Iterator[Watch]:
    """A listener that prints on stderr, as the settings and the terminal want it."""
    level = _LEVELS[settings.logging.level]
    with _screen(settings) as screen:
        watch = Watch(screen, level)
        forward = _Forward(watch)
        root = logging.getLogger()
        root.addHandler(forward)
        try:
            yield watch
        finally:
            root.removeHandler(forward)


@contextmanager
def _screen(settings: Settings) -> Iterator[Screen]:
    if settings.logging.format == "json":
        yield JsonLines()
    elif not is_terminal(sys.stderr):
        yield Lines()
    else:
        from reconciler.cli.board import board  # brings rich, which nobody needs off a terminal

        with board() as screen:
            yield screen


class Lines:
    """One line per event."""

    def show(self, event: Event) -> None:
        remark(event.text, colour(event))

    def follow(self, event: Event) -> None:
        return

    def refresh(self) -> None:
        return


class JsonLines(Lines):
    """One JSON object per event, as schemas/output.schema.json describes it."""

    def show(self, event: Event) -> None:
        level = logging.getLevelName(_OF_KIND.get(event.kind, logging.INFO)).lower()
        print_event(level, str(event.kind), event.text, **_subject(event))


def print_event(level: str, event: str, text: str, **fields: Any) -> None:
    """One line of the log in JSON."""
    at = stamp(composition.clock())
    line = {"at": at, "level": level, "event": event, "text": plain(text), **fields}
    print(json.dumps(line, ensure_ascii=True), file=sys.stderr, flush=True)


def colour(event: Event) -> str | None:
    """The colour of an event: that of the phase that was reached, if any."""
    if event.kind in (Kind.WARNING, Kind.PROBLEM):
        return "yellow"
    if event.kind is Kind.STEP_ENDED and event.step and event.step.phase is not Phase.SUCCEEDED:
        return colour_of(event.step.phase)
    return colour_of(event.run.phase) if event.kind is Kind.RUN_ENDED and event.run else None


def _subject(event: Event) -> dict[str, Any]:
    """Which run and step an event is about."""
    fields: dict[str, Any] = {}
    if event.run:
        fields = {"run": event.run.id, "workflow": event.run.name, "number": event.run.number}
        fields["phase"] = str(event.step.phase if event.step else event.run.phase)
    if event.step:
        attempt = event.step.current
        fields |= {"step": event.step.name, "reason": event.step.reason}
        fields["attempt"] = attempt.number if attempt else 0
    return fields


class _Forward(logging.Handler):
    """What libraries and edges log becomes an event like others."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.WARNING)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch(Event(Kind.WARNING, record.getMessage()))
