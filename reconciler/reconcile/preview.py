"""What a pass would start at a revision or from the working tree, and why; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler import definition
from reconciler.core import start
from reconciler.model.catalog import CatalogEntry
from reconciler.model.problem import Problem
from reconciler.model.run import StartRun
from reconciler.reconcile import entries, starting
from reconciler.state.store import State


@dataclass(frozen=True, slots=True)
class Preview:
    """The runs that would start, the workflows that would not, those that are gone, and what is wrong.

    `waiting` has, by name, what a workflow waits for that did not run as it is, and starts by no change.
    """

    starts: tuple[StartRun, ...]
    unchanged: tuple[str, ...]
    waiting: Mapping[str, str]
    suspended: tuple[str, ...]
    gone: tuple[str, ...]
    problems: tuple[Problem, ...]


def against_state(scratch: State, state: State, revision: str, now: datetime) -> Preview:
    """Hold the catalog in `scratch`, which is that of `revision`, against the past in `state`."""
    known = {entry.name: entry for entry in state.entries()}
    return _preview(
        scratch,
        known,
        lambda entry: starting.past(state, entry),
        revision,
        now,
        ("never ran", "changed since it ran"),
    )


def against_base(scratch: State, base: State, revision: str, now: datetime) -> Preview:
    """Hold the catalog in `scratch` against that of another revision, as if all of it had run."""
    known = {entry.name: entry for entry in base.entries()}

    def past(entry: CatalogEntry) -> start.Past:
        old = known.get(entry.name)
        if old is None:
            return start.Past()
        why = definition.compare(json.loads(old.parts), json.loads(entry.parts))
        return start.Past(digest=old.digest, why_changed=why)

    return _preview(scratch, known, past, revision, now, ("new", "changed"))


def _preview(
    scratch: State,
    known: Mapping[str, CatalogEntry],
    past: Callable[[CatalogEntry], start.Past],
    revision: str,
    now: datetime,
    words: tuple[str, str],
) -> Preview:
    starts: list[StartRun] = []
    unchanged: list[str] = []
    suspended: list[str] = []
    waiting: dict[str, str] = {}
    found = scratch.entries()
    for entry in found:
        each, before = entries.to_definition(entry), past(entry)
        if due := start.due(each, before, revision, now):
            starts += due
        elif entry.suspend:
            suspended.append(entry.name)
        elif why := start.waits(each, before, *words):
            waiting[entry.name] = why
        else:
            unchanged.append(entry.name)
    problems = scratch.problems()
    there = {entry.name for entry in found}
    broken = {problem.path for problem in problems}  # what stands in such a file is not gone, only unreadable
    gone = (name for name, entry in sorted(known.items()) if name not in there and entry.path not in broken)
    return Preview(tuple(starts), tuple(unchanged), waiting, tuple(suspended), tuple(gone), tuple(problems))
