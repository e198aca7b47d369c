"""Readable builders for the core: workflows drawn as arrows, runs, and what was seen of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.core import start
from reconciler.model.run import (
    AttemptKey,
    Observation,
    Outputs,
    Phase,
    Run,
    Status,
    Trigger,
    TriggerKind,
)
from reconciler.model.workflow import Definition, FailureClass, Step, Workflow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REVISION = "8f14e45fceea167a5a36dedd4bea2543c1b0a5f0"


def at(seconds: float) -> datetime:
    """That many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def workflow(name: str, arrows: str, **steps: Mapping[str, Any]) -> Workflow:
    """`workflow("etl", "a -> b -> d, a -> c -> d", b={"when": "false"})`."""
    needs: dict[str, list[str]] = {}
    for chain in arrows.split(","):
        names = [part.strip() for part in chain.split("->")]
        for each in names:
            needs.setdefault(each, [])
        for before, after in itertools.pairwise(names):
            needs[after].append(before)
    made = {
        each: Step(each, command=("true",), needs=tuple(before), depends_on=tuple(sorted(set(before))))
        for each, before in needs.items()
    }
    for each, changes in steps.items():
        made[each] = replace(made[each], **changes)
    return Workflow(name=name, document={}, steps=made)


def run_of(made: Workflow, **changes: Any) -> Run:
    """A run of the workflow that has just been started, at noon."""
    definition = Definition(made, path=f"workflows/{made.name}.yaml", digest="sha256:" + "0" * 64)
    decision = start.start(definition, 1, REVISION, Trigger(TriggerKind.CHANGE), {}, "new")
    return replace(start.opened(decision, REVISION, NOON), **changes)


def stopping(run: Run) -> dict[str, str]:
    """The steps whose live attempt is to be stopped, with the reason."""
    live = {name: step.attempts[-1] for name, step in run.steps.items() if step.phase is Phase.RUNNING}
    return {name: attempt.cancelling for name, attempt in live.items() if attempt.cancelling}


def running(key: AttemptKey, since: float = 0.0) -> Observation:
    return Observation(key, Status.RUNNING, started_at=at(since))


def succeeded(key: AttemptKey, start: float = 0.0, end: float = 1.0, **parameters: str) -> Observation:
    return Observation(
        key,
        Status.ENDED,
        started_at=at(start),
        finished_at=at(end),
        exit_code=0,
        outputs=Outputs(parameters=parameters),
    )


def failed(
    key: AttemptKey,
    start: float = 0.0,
    end: float = 1.0,
    failure: FailureClass = FailureClass.FAILURE,
    reason: str = "ExitCode",
) -> Observation:
    return Observation(
        key,
        Status.ENDED,
        started_at=at(start),
        finished_at=at(end),
        exit_code=1,
        failure=failure,
        reason=reason,
        message="the command ended with exit code 1",
    )


def missing(key: AttemptKey) -> Observation:
    return Observation(key, Status.MISSING)
