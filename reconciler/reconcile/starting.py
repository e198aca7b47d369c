"""Starts runs: decides which are due, packs the files they take along, records them, anchors them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler import definition
from reconciler.core import schedule, start
from reconciler.errors import ArtifactNotFound
from reconciler.model.catalog import CatalogEntry
from reconciler.model.run import Artifact, Run, StartRun, TriggerKind
from reconciler.model.workflow import Schedule, SourceFile
from reconciler.reconcile import entries, events
from reconciler.reconcile.edges import Edges
from reconciler.reconcile.engine import Engine
from reconciler.state.store import State


def decisions(state: State, revision: str, now: datetime, limit: int) -> list[StartRun]:
    """The runs that are due at `revision`, at most `limit`, in the order of the workflows' names."""
    found: list[StartRun] = []
    for entry in _candidates(state):
        if len(found) >= limit:
            break
        found += start.due(entries.to_definition(entry), past(state, entry), revision, now)
    return found[:limit]


def past(state: State, entry: CatalogEntry) -> start.Past:
    """What the state knows of the earlier runs of a workflow."""
    last = state.latest(entry.name)
    marks = {line.cron: _dealt_with(state, entry.name, line.cron) for line in schedules(entry)}
    return start.Past(
        last_number=state.last_number(entry.name),
        digest=state.started_digest(entry.name),
        why_changed=definition.compare(last.parts, json.loads(entry.parts)) if last else (),
        since={cron: mark for cron, mark in marks.items() if mark is not None},
    )


def _dealt_with(state: State, name: str, cron: str) -> datetime | None:
    """Up to when a cron line was looked at; after the state was lost, what the ledger says ran last."""
    mark = state.schedule_mark(name, cron)
    if mark is not None:
        return mark
    ran = (run.trigger for run in state.history(name) if run.trigger.kind is TriggerKind.SCHEDULE)
    return next((datetime.fromisoformat(trigger.detail) for trigger in ran if trigger.detail), None)


def start_due(edges: Edges, engine: Engine, revision: str, now: datetime, limit: int) -> int:
    """Start what is due; returns how many runs that were."""
    due = decisions(edges.state, revision, now, limit)
    runs = [open_run(edges, decision, revision, now) for decision in due]
    _mark_schedules(edges.state, now)
    engine.adopt(runs)
    return len(runs)


def open_run(edges: Edges, decision: StartRun, revision: str, now: datetime) -> Run:
    """Bring one run about: its files are stored first, then it is recorded, then anchored."""
    run = start.opened(decision, revision, now)
    run = replace(run, bundles=bundles(edges, decision.definition.files))
    edges.state.record([run])
    edges.executor.anchor(run)
    text = f"{run.title}: started at {revision[:12]} ({decision.because})"
    edges.notify(events.Event(events.Kind.RUN_STARTED, text, run))
    return run


def next_due(state: State, now: datetime) -> datetime | None:
    """When the next schedule strikes."""
    times = [schedule.next_due(schedules(entry), now) for entry in state.scheduled() if not entry.suspend]
    return min((moment for moment in times if moment is not None), default=None)


def _mark_schedules(state: State, now: datetime) -> None:
    """Everything due up to `now` has been dealt with; a clock that went back does not make it due again."""
    marks: dict[tuple[str, str], datetime] = {}
    for entry in state.scheduled():
        for line in schedules(entry):
            before = state.schedule_mark(entry.name, line.cron)
            marks[entry.name, line.cron] = max(before, now) if before else now
    if marks:
        state.set_schedule_marks(marks)


def _candidates(state: State) -> Iterable[CatalogEntry]:
    scheduled = {entry.name: entry for entry in state.scheduled()}
    changed = {name: state.entry(name) for name in state.startable()}
    merged = {**changed, **scheduled}
    return [entry for _, entry in sorted(merged.items()) if entry is not None]


def schedules(entry: CatalogEntry) -> tuple[Schedule, ...]:
    lines: list[dict[str, Any]] = json.loads(entry.schedules)
    return tuple(Schedule(**line) for line in lines)


def bundles(edges: Edges, files: Mapping[str, tuple[SourceFile, ...]]) -> dict[str, Artifact]:
    """For each step, its files from the repository as one stored tar; equal sets of files are stored once."""
    made: dict[tuple[SourceFile, ...], Artifact] = {}
    for taken in files.values():
        if taken and taken not in made:
            made[taken] = _bundle(edges, taken)
    return {step: made[taken] for step, taken in files.items() if taken}


def _bundle(edges: Edges, files: tuple[SourceFile, ...]) -> Artifact:
    from reconciler.artifacts import packing  # brings tarfile; most steps take no file along

    contents = dict(edges.source.read({file.blob for file in files}, edges.blob_bytes))
    members = ((file.path, file.executable, _content(file, contents)) for file in files)
    return packing.store_bundle(edges.store, members)


def _content(file: SourceFile, contents: Mapping[str, bytes | None]) -> bytes:
    content = contents.get(file.blob)
    if content is None:
        raise ArtifactNotFound(f"'{file.path}' is too large to be taken along, or not in the clone")
    return content
