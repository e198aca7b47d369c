"""Starts runs: finds which are due, packs the files they take along, records them, anchors them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler import definition
from reconciler.core import schedule, start
from reconciler.errors import LeaseLost, ReconcilerError, StateError
from reconciler.model.catalog import CatalogEntry
from reconciler.model.run import Run, StartRun
from reconciler.model.workflow import Schedule
from reconciler.reconcile import bundles, entries, events
from reconciler.reconcile.edges import Edges
from reconciler.reconcile.engine import Engine
from reconciler.state.store import State


@dataclass(frozen=True, slots=True)
class Started:
    """How many runs were started, whether more are due than allowed, and what kept others from starting."""

    count: int
    postponed: bool
    errors: tuple[ReconcilerError, ...]


def start_due(edges: Edges, engine: Engine, revision: str, now: datetime, limit: int) -> Started:
    """Start at most `limit` of the runs that are due, those that have waited longest first.

    What keeps one workflow from starting is told and kept; the others start.
    """
    _note_schedules(edges, now)
    count = 0
    errors: list[ReconcilerError] = []
    for entry in _waiting(edges, now):
        try:
            for decision in start.due(entries.to_definition(entry), past(edges.state, entry), revision, now):
                if count == limit:
                    return Started(count, True, tuple(errors))
                engine.adopt([open_run(edges, decision, revision, now)])
                count += 1
        except (StateError, LeaseLost):
            raise
        except ReconcilerError as error:
            errors.append(error)
            text = f"{entry.name} could not be started: {error}"
            edges.notify(events.Event(events.Kind.WARNING, text))
    return Started(count, False, tuple(errors))


def open_run(edges: Edges, decision: StartRun, revision: str, now: datetime) -> Run:
    """Bring one run about: its files are stored first, then it is recorded, then anchored.

    A step whose files cannot be had has failed before it began; the run says so in the ledger.
    """
    run = start.opened(decision, revision, now)
    packed, refused = bundles.pack(edges, decision.definition.files)
    run = start.without_files(replace(run, bundles=packed), refused)
    edges.state.record([run])
    edges.executor.anchor(run)
    text = f"{run.title}: started at {revision[:12]} ({decision.because})"
    edges.notify(events.Event(events.Kind.RUN_STARTED, text, run))
    return run


def past(state: State, entry: CatalogEntry) -> start.Past:
    """What the state knows of the earlier runs of a workflow."""
    last = state.latest(entry.name)
    return start.Past(
        last_number=last.number if last else 0,
        digest=last.digest if last else None,
        why_changed=definition.compare(last.parts, json.loads(entry.parts)) if last else (),
        since=_dealt_with(state, entry),
    )


def next_due(edges: Edges, now: datetime) -> datetime | None:
    """When the next schedule strikes."""
    times = [schedule.next_due(schedules(entry), now) for entry in _scheduled(edges) if not entry.suspend]
    return min((moment for moment in times if moment is not None), default=None)


def _scheduled(edges: Edges) -> list[CatalogEntry]:
    """The workflows with a schedule that are ours."""
    return [entry for entry in edges.state.scheduled() if edges.shard.owns(entry.name)]


def _waiting(edges: Edges, now: datetime) -> list[CatalogEntry]:
    """The workflows with something due: changed ones by name, then scheduled ones by their due time.

    A changed one leaves the list by being started, so none can keep another waiting for good.
    """
    state = edges.state
    ours = filter(edges.shard.owns, state.startable())
    changed = {name: entry for name in ours if (entry := state.entry(name))}
    timed: list[tuple[datetime, str, CatalogEntry]] = []
    for entry in _scheduled(edges):
        if entry.name not in changed and not entry.suspend:
            since = _dealt_with(state, entry)
            moments = [
                m for line in schedules(entry) for m in schedule.due(line, since.get(line.cron, now), now)
            ]
            timed += [(min(moments), entry.name, entry)] if moments else []
    return [*changed.values(), *(entry for _, _, entry in sorted(timed, key=lambda each: each[:2]))]


def _dealt_with(state: State, entry: CatalogEntry) -> dict[str, datetime]:
    """By cron line, up to when it was looked at: since it was first seen, and since it last started a run.

    That a run was started is read off the runs themselves: there is no moment at which a run is recorded
    and its time is not, and after the state was lost the ledger tells it.
    """
    ran = state.last_scheduled(entry.name)
    found: dict[str, datetime] = {}
    for line in schedules(entry):
        known = [moment for moment in (state.schedule_mark(entry.name, line.cron), ran) if moment is not None]
        if known:
            found[line.cron] = max(known)
    return found


def _note_schedules(edges: Edges, now: datetime) -> None:
    """A cron line counts from the first pass that sees it, and while suspended from each pass anew."""
    marks: dict[tuple[str, str], datetime] = {}
    for entry in _scheduled(edges):
        known = _dealt_with(edges.state, entry)
        for line in schedules(entry):
            if line.cron not in known or (entry.suspend and known[line.cron] < now):
                marks[entry.name, line.cron] = now
    if marks:
        edges.state.set_schedule_marks(marks)


def schedules(entry: CatalogEntry) -> tuple[Schedule, ...]:
    lines: list[dict[str, Any]] = json.loads(entry.schedules)
    return tuple(Schedule(**line) for line in lines)
