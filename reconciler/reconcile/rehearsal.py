"""Runs one definition from the working tree, here and now, outside the ledger: to try before pushing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core import start, values
from reconciler.errors import SettingsError
from reconciler.model.problem import Problem
from reconciler.model.run import Run, Trigger, TriggerKind
from reconciler.model.workflow import MISSING, Definition, Value
from reconciler.reconcile import catalog, entries, starting
from reconciler.reconcile.edges import Edges
from reconciler.reconcile.engine import Engine

REVISION = "working-tree"
LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """The definitions that a file of the working tree holds, and what is wrong in it."""

    definitions: Mapping[str, Definition]
    problems: tuple[Problem, ...]


def find(edges: Edges, path: str, limits: catalog.Limits) -> Found:
    """Check the one file at `path` (relative to the source's root), with the files that it takes along."""
    catalog.refresh(edges.source, edges.state, REVISION, path, limits)
    made = {entry.name: entries.to_definition(entry) for entry in edges.state.entries()}
    return Found(made, tuple(edges.state.problems()))


def parse_parameters(definition: Definition, given: Mapping[str, str]) -> dict[str, Value]:
    """Texts from a command line in their declared types; raises SettingsError naming what is wrong."""
    declared = definition.workflow.parameters
    typed: dict[str, Value] = {}
    for name, text in given.items():
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise SettingsError(
                f"workflow '{definition.workflow.name}' has no parameter '{name}'; it has: {known}"
            )
        try:
            typed[name] = values.parse_text(text, declared[name].type)
        except values.ValueRefused as error:
            raise SettingsError(f"parameter '{name}': {error}") from error
        refusal = values.accepts(typed[name], declared[name])
        if refusal:
            raise SettingsError(f"parameter '{name}': {refusal}")
    missing = [p.name for p in declared.values() if p.default is MISSING and p.name not in typed]
    if missing:
        raise SettingsError(f"no value for {', '.join(missing)}", hint="Give it as -p NAME=VALUE.")
    return typed


def rehearse(
    edges: Edges, definition: Definition, parameters: Mapping[str, Value], stopped: Callable[[], bool]
) -> Run:
    """Carry one run to its end; when `stopped` says so, stop its steps and wait for them."""
    now = edges.clock()
    decision = start.start(definition, 1, REVISION, Trigger(TriggerKind.MANUAL), parameters, "asked for")
    run = starting.open_run(edges, decision, REVISION, now)
    engine = Engine(edges)
    engine.adopt([run])
    while not engine.is_idle:
        if stopped():
            engine.cancel_all("Cancelled")
        engine.tick(edges.clock())
        if not engine.is_idle:
            edges.executor.wait(_patience(engine.next_wake(), edges.clock()))
    return edges.state.run_by_id(run.id) or run


def _patience(wake: datetime | None, now: datetime) -> float:
    if wake is None:
        return LONGEST_WAIT
    return min(LONGEST_WAIT, max(0.0, (wake - now) / timedelta(seconds=1)))
