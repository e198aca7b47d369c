"""Between the values of the model and the rows of the database: pure functions, both ways.

Text that comes from a step may hold what UTF-8 cannot carry; it is replaced in messages and logs, and
escaped in JSON, so that nothing a step prints can keep its end from being recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from reconciler.model.run import Artifact, Attempt, Outputs, Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import FailureClass, Workflow
from reconciler.state.table import Row, Table

RUNS = Table(
    "runs",
    (
        "key", "id", "name", "number", "revision", "digest", "trigger_kind", "trigger_detail", "path",
        "definition_id", "phase", "reason", "message", "cancelling", "created_at", "started_at",
        "finished_at", "step_count", "value_count",
    ),
    ("key",),
)  # fmt: skip
STEPS = Table(
    "steps",
    (
        "run_key", "name", "position", "phase", "reason", "message", "not_before", "finished_at",
        "attempt_count",
    ),
    ("run_key", "name"),
)  # fmt: skip
ATTEMPTS = Table(
    "attempts",
    (
        "run_key", "step", "number", "phase", "reason", "message", "failure", "cancelling", "created_at",
        "started_at", "finished_at", "exit_code", "log_tail", "value_count",
    ),
    ("run_key", "step", "number"),
)  # fmt: skip
ARTIFACTS = Table(
    "artifacts",
    (
        "run_key", "step", "attempt", "role", "position", "name", "stored_name", "store_key", "size",
        "sha256", "form", "content_type", "executable",
    ),
    ("run_key", "step", "attempt", "role", "position"),
)  # fmt: skip
PARAMETERS = Table(
    "parameters",
    ("run_key", "step", "attempt", "role", "position", "name", "value"),
    ("run_key", "step", "attempt", "role", "position"),
)
PUBLICATIONS = Table("publications", ("run_key", "ledger_commit"), ("run_key",))

_readable = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

Place = tuple[int, str, int]
"""Whose values they are: run, step (empty: the run itself), attempt (0: the step itself)."""

OUTPUT = "output"  # what an attempt, or the run as a whole, gave
GIVEN = "given"  # what the run was started with: parameters, and files of the repository
LOG = "log"

CHOSEN = "(SELECT value FROM json_each(?))"
"""A set of texts of any size, bound as the one value that `chosen` makes."""


def chosen(texts: Iterable[str]) -> str:
    return json.dumps(list(texts))


def to_text(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, of constant width, so that it sorts as text."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def to_moment(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))


def to_json(value: Any) -> str:
    text = _readable.encode(value)
    return text if plain(text) == text else json.dumps(value, separators=(",", ":"))


def plain(text: str) -> str:
    """`text`, with what UTF-8 cannot carry replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def run_row(key: int, run: Run, definition_id: int | None) -> Row:
    return (
        key, run.id, run.name, run.number, run.revision, run.digest, str(run.trigger.kind),
        run.trigger.detail, run.path, definition_id, str(run.phase), run.reason,
        plain(run.message), run.cancelling,
        to_text(run.created_at), to_text(run.started_at), to_text(run.finished_at), len(run.steps),
        len(run.parameters) + len(run.bundles) + _size(run.outputs),
    )  # fmt: skip


def step_row(key: int, position: int, step: StepRun) -> Row:
    return (
        key, step.name, position, str(step.phase), step.reason, plain(step.message), to_text(step.not_before),
        to_text(step.finished_at), len(step.attempts),
    )  # fmt: skip


def attempt_row(key: int, step: str, attempt: Attempt) -> Row:
    return (
        key, step, attempt.number, str(attempt.phase), attempt.reason, plain(attempt.message),
        None if attempt.failure is None else str(attempt.failure), attempt.cancelling,
        to_text(attempt.created_at), to_text(attempt.started_at), to_text(attempt.finished_at),
        attempt.exit_code, plain(attempt.log_tail), _size(attempt.outputs) + (attempt.log is not None),
    )  # fmt: skip


def artifact_rows(place: Place, role: str, artifacts: Mapping[str, Artifact]) -> list[Row]:
    return [
        (*place, role, at, name, a.name, a.key, a.size, a.sha256, a.form, a.content_type, int(a.executable))
        for at, (name, a) in enumerate(artifacts.items())
    ]


def parameter_rows(place: Place, role: str, values: Mapping[str, Any]) -> list[Row]:
    return [(*place, role, at, name, to_json(value)) for at, (name, value) in enumerate(values.items())]


def to_artifact(row: Row) -> Artifact:
    """The artifact in a row of ARTIFACTS."""
    name, key, size, sha256, form, content_type, executable = cast(Any, row[6:])
    return Artifact(name, key, size, sha256, form, content_type, bool(executable))


def to_attempt(row: Row, outputs: Outputs, log: Artifact | None) -> Attempt:
    (_, _, number, phase, reason, message, failure, cancelling, created, started, finished, code, tail, _) = (
        cast(Any, row)
    )
    return Attempt(
        number=number,
        created_at=datetime.fromisoformat(created),
        phase=Phase(phase),
        reason=reason,
        message=message,
        failure=None if failure is None else FailureClass(failure),
        cancelling=cancelling,
        started_at=to_moment(started),
        finished_at=to_moment(finished),
        exit_code=code,
        log_tail=tail,
        log=log,
        outputs=outputs,
    )


def to_step(row: Row, attempts: tuple[Attempt, ...]) -> StepRun:
    (_, name, _, phase, reason, message, not_before, finished, _) = cast(Any, row)
    return StepRun(
        name=name,
        phase=Phase(phase),
        reason=reason,
        message=message,
        attempts=attempts,
        not_before=to_moment(not_before),
        finished_at=to_moment(finished),
    )


def to_run(
    row: Row,
    *,
    workflow: Workflow | None = None,
    parts: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    bundles: Mapping[str, Artifact] | None = None,
    steps: Mapping[str, StepRun] | None = None,
    outputs: Outputs | None = None,
) -> Run:
    """The run in a row of RUNS; without its parts it is the summary that a list of runs needs."""
    (
        _, run_id, name, number, revision, digest, kind, detail, path, _, phase, reason, message, cancelling,
        created, started, finished, _, _,
    ) = cast(Any, row)  # fmt: skip
    return Run(
        id=run_id,
        name=name,
        number=number,
        revision=revision,
        digest=digest,
        trigger=Trigger(TriggerKind(kind), detail),
        created_at=datetime.fromisoformat(created),
        path=path,
        workflow=workflow,
        parameters=parameters or {},
        bundles=bundles or {},
        parts=parts or {},
        phase=Phase(phase),
        reason=reason,
        message=message,
        cancelling=cancelling,
        started_at=to_moment(started),
        finished_at=to_moment(finished),
        steps=steps or {},
        outputs=outputs or Outputs(),
    )


def _size(outputs: Outputs) -> int:
    return len(outputs.parameters) + len(outputs.artifacts)
