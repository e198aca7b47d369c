"""Run records back to values: how `rebuild` learns of finished runs from the ledger branch.

People can push to that branch too, so nothing here trusts the shape: whatever is not a record is a
ValueError with a sentence, and the caller goes on with the next one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.ledger import shelf
from reconciler.ledger.moment import read
from reconciler.ledger.record import KIND, Record
from reconciler.model.run import (
    Artifact,
    Attempt,
    Outputs,
    Phase,
    Run,
    StepRun,
    Trigger,
    TriggerKind,
)
from reconciler.model.workflow import FailureClass


def loads(content: bytes) -> Record:
    """The record in a `run.json`."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"not a run record: {exc}") from exc
    if not isinstance(record, dict) or record.get("kind") != KIND:
        raise ValueError(f"not a run record: 'kind' is not '{KIND}'")
    return record


def from_record(record: Mapping[str, Any]) -> Run:
    """The run that was recorded, without definition, file bundles and log text."""
    try:
        return _run(record)
    except (LookupError, TypeError, AttributeError, ValueError) as exc:
        raise ValueError(f"not a run record: {type(exc).__name__}: {exc}") from exc


def _run(record: Mapping[str, Any]) -> Run:
    steps = {name: _step(name, step, record) for name, step in record["steps"].items()}
    return Run(
        id=_text(record["id"]),
        name=_text(record["workflow"]),
        number=_whole(record["number"]),
        revision=_text(record["revision"]),
        digest=_text(record["digest"]),
        trigger=Trigger(TriggerKind(record["trigger"]["kind"]), _text(record["trigger"].get("detail", ""))),
        created_at=read(record["createdAt"]),
        path=_text(record.get("path", "")),
        parameters=dict(record.get("parameters", {})),
        parts=dict(record.get("parts", {})),
        phase=Phase(record["phase"]),
        reason=_text(record.get("reason", "")),
        message=_text(record.get("message", "")),
        cancelling=_text(record.get("cancelling", "")),
        started_at=_moment(record, "startedAt"),
        finished_at=_moment(record, "finishedAt"),
        steps=steps,
        outputs=_outputs(record, record, steps),
    )


def _step(name: str, step: Mapping[str, Any], record: Mapping[str, Any]) -> StepRun:
    attempts = tuple(_attempt(attempt, record) for attempt in step.get("attempts", []))
    phase = Phase(step["phase"])
    ended = attempts[-1].finished_at if attempts and phase.is_terminal else None
    return StepRun(
        name=name,
        phase=phase,
        reason=_text(step.get("reason", "")),
        message=_text(step.get("message", "")),
        attempts=attempts,
        not_before=_moment(step, "notBefore"),
        finished_at=_moment(step, "finishedAt") or ended,
    )


def _attempt(attempt: Mapping[str, Any], record: Mapping[str, Any]) -> Attempt:
    exit_code = attempt.get("exitCode")
    return Attempt(
        number=_whole(attempt["number"]),
        created_at=read(attempt["createdAt"]),
        phase=Phase(attempt["phase"]),
        reason=_text(attempt.get("reason", "")),
        message=_text(attempt.get("message", "")),
        failure=FailureClass(attempt["failure"]) if "failure" in attempt else None,
        cancelling=_text(attempt.get("cancelling", "")),
        started_at=_moment(attempt, "startedAt"),
        finished_at=_moment(attempt, "finishedAt"),
        exit_code=None if exit_code is None else _whole(exit_code),
        log=_artifact("log", attempt["log"], record) if "log" in attempt else None,
        outputs=_outputs(attempt, record, {}),
    )


def _outputs(holder: Mapping[str, Any], record: Mapping[str, Any], steps: Mapping[str, StepRun]) -> Outputs:
    outputs = holder.get("outputs", {})
    return Outputs(
        parameters=dict(outputs.get("parameters", {})),
        artifacts={
            name: _made(artifact["from"], steps) if "from" in artifact else _artifact(name, artifact, record)
            for name, artifact in outputs.get("artifacts", {}).items()
        },
    )


def _made(source: str, steps: Mapping[str, StepRun]) -> Artifact:
    step, _, name = source.partition("/")
    return steps[step].attempts[-1].outputs.artifacts[name]


def _artifact(name: str, artifact: Mapping[str, Any], record: Mapping[str, Any]) -> Artifact:
    return Artifact(
        name=_text(artifact.get("name", name)),
        key=shelf.key(record, artifact),
        size=_whole(artifact["size"]),
        sha256=_text(artifact["sha256"]),
        form=_text(artifact.get("form", "file")),
        content_type=_text(artifact.get("contentType", "application/octet-stream")),
        executable=artifact.get("executable", False) is True,
    )


def _moment(holder: Mapping[str, Any], name: str) -> datetime | None:
    return read(holder[name]) if name in holder else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {value!r:.40}")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number expected, not {value!r:.40}")
    return value
