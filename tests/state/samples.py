"""Runs and catalogs with readable values, for tests that compare whole answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model.catalog import CatalogEntry, CatalogUpdate
from reconciler.model.run import Artifact, Attempt, Outputs, Phase, Run, StepRun, Trigger, TriggerKind
from tests.strategies import bare

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCHEMAS = "sha256:" + "5" * 64


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def opened(name: str = "train", number: int = 1, steps: int = 3, letter: str = "a") -> Run:
    """A run that has just been started, a minute after the run before it."""
    created = NOON + timedelta(minutes=number)
    return Run(
        id=f"{name}-{number}-00000000",
        name=name,
        number=number,
        revision="1" * 40,
        digest=digest(letter),
        trigger=Trigger(TriggerKind.CHANGE),
        created_at=created,
        path=f"workflows/{name}.yaml",
        workflow=bare({"name": name, "spec": {"steps": steps}}),
        parameters={"epochs": 5},
        parts={"spec.steps.s0.command": "0011aabb"},
        phase=Phase.RUNNING,
        started_at=created,
        steps={f"s{index}": StepRun(f"s{index}") for index in range(steps)},
    )


def with_ended_step(run: Run, step: str) -> Run:
    """`run` after its step has succeeded at the first attempt, with a value, a file and a log."""
    ended = run.created_at + timedelta(seconds=5)
    prefix = f"runs/{run.name}/{run.id}/{step}/1/"
    attempt = Attempt(
        number=1,
        created_at=run.created_at,
        phase=Phase.SUCCEEDED,
        started_at=run.created_at,
        finished_at=ended,
        exit_code=0,
        log_tail="done\n",
        log=Artifact("log", prefix + "log.txt", 5, "2" * 64, content_type="text/plain"),
        outputs=Outputs(
            {"rows": 42}, {"table": Artifact("table", prefix + "artifacts/table", 1000, "3" * 64)}
        ),
    )
    return run.with_step(
        replace(run.steps[step].with_attempt(attempt), phase=Phase.SUCCEEDED, finished_at=ended)
    )


def ended(run: Run, phase: Phase = Phase.SUCCEEDED) -> Run:
    """`run` with every step and itself at an end."""
    for step in run.steps:
        run = with_ended_step(run, step)
    return replace(run, phase=phase, finished_at=run.created_at + timedelta(seconds=6))


def entry(name: str, letter: str = "a", **changes: object) -> CatalogEntry:
    made = CatalogEntry(
        name=name, path=f"workflows/{name}.yaml", digest=digest(letter), document=f'{{"name":"{name}"}}'
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def update(*entries: CatalogEntry, revision: str = "1" * 40) -> CatalogUpdate:
    """A revision whose files hold one workflow each."""
    return CatalogUpdate(
        revision=revision,
        schema_digest=SCHEMAS,
        files_set={each.path: f"blob of {each.name} {each.digest}" for each in entries},
        verdicts={f"blob of {each.name} {each.digest}": '{"valid":true}' for each in entries},
        workflows_set={each.name: each for each in entries},
    )
