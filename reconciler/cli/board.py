"""The running steps, live at the foot of a terminal, below the lines of what has happened.

Drawn when something happens and between two ticks, never by a thread: a pass may fork.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from reconciler import composition
from reconciler.cli.plain import plain
from reconciler.cli.progress import colour
from reconciler.cli.terminal import has_colour
from reconciler.model.run import Run, StepRun
from reconciler.reconcile.events import Event, Kind

_Key = tuple[str, str]


@contextmanager
def board() -> Iterator[Board]:
    """A board on stderr; it is wiped away at the end, the lines stay."""
    coloured = has_colour(sys.stderr)
    console = Console(stderr=True, highlight=False, no_color=not coloured, soft_wrap=True)
    columns = (TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        yield Board(progress)


class Board:
    """One row per running step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rows: dict[_Key, TaskID] = {}

    def show(self, event: Event) -> None:
        self._progress.console.print(Text(plain(event.text), style=colour(event) or ""))

    def follow(self, event: Event) -> None:
        if event.run is None:
            return
        if event.kind is Kind.RUN_CARRIED_ON:
            for step in event.run.steps.values():
                if step.current and not step.phase.is_terminal:
                    self._add(event.run, step)
        elif event.kind is Kind.ATTEMPT_STARTED and event.step:
            self._add(event.run, event.step)
        elif event.kind is Kind.STEP_ENDED and event.step:
            self._remove((event.run.id, event.step.name))
        elif event.kind is Kind.RUN_ENDED:
            for key in [key for key in self._rows if key[0] == event.run.id]:
                self._remove(key)
        self.refresh()

    def refresh(self) -> None:
        self._progress.refresh()

    def _add(self, run: Run, step: StepRun) -> None:
        key = (run.id, step.name)
        self._remove(key)
        attempt = step.current
        number = f" (attempt {attempt.number})" if attempt and attempt.number > 1 else ""
        row = self._progress.add_task(plain(f"  {run.title}: {step.name}{number}"), total=None)
        if attempt and attempt.started_at:
            elapsed = (composition.clock() - attempt.started_at).total_seconds()
            self._progress.tasks[-1].start_time = self._progress.get_time() - elapsed
        self._rows[key] = row

    def _remove(self, key: _Key) -> None:
        row = self._rows.pop(key, None)
        if row is not None:
            self._progress.remove_task(row)
