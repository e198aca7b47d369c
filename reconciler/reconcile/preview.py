"""What a pass would start at a revision or from the working tree, and why; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.core import start
from reconciler.model.problem import Problem
from reconciler.model.run import StartRun
from reconciler.reconcile import entries, starting
from reconciler.state.store import State


@dataclass(frozen=True, slots=True)
class Preview:
    """The runs that would start, the workflows that would not (unchanged or suspended), and what is wrong."""

    starts: tuple[StartRun, ...]
    unchanged: tuple[str, ...]
    suspended: tuple[str, ...]
    problems: tuple[Problem, ...]


def preview(scratch: State, state: State, revision: str, now: datetime) -> Preview:
    """Hold the catalog in `scratch`, which is that of `revision`, against the past in `state`."""
    starts: list[StartRun] = []
    unchanged: list[str] = []
    suspended: list[str] = []
    for entry in scratch.entries():
        due = start.due(entries.to_definition(entry), starting.past(state, entry), revision, now)
        starts += due
        if not due:
            (suspended if entry.suspend else unchanged).append(entry.name)
    return Preview(tuple(starts), tuple(unchanged), tuple(suspended), tuple(scratch.problems()))
