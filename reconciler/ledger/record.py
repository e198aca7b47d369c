"""A finished run as one JSON document: what the ledger holds, `show --output json` prints, `rebuild` reads.

`schemas/record.schema.json` documents the shape. The order of the keys is fixed and nothing in it
depends on when or where it was written, so the same run gives the same bytes. A field that would hold
nothing, or what another one says already, is left out: each run adds a record to the history for ever.
No log text, no file bundles and no definition: those are looked up by key, revision and digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from reconciler import __version__
from reconciler.ledger.moment import read, seconds, stamp
from reconciler.ledger.shelf import SHORT, Shelf, shelf_of
from reconciler.ledger.values import kept, limit_for, shortened
from reconciler.model.run import Artifact, Attempt, Outputs, Run, StepRun

Record = dict[str, Any]
"""One run in the shape of `schemas/record.schema.json`."""

API_VERSION: Final = "reconciler/v1"
KIND: Final = "Run"
ENGINE: Final = f"reconciler {__version__}"


def to_record(run: Run, links: Mapping[str, str]) -> Record:
    """The record of `run`; `links` maps artifact keys to addresses that a person can open."""
    frame = _frame(run, links)
    parameters, cut = kept(run.parameters, frame.limit)
    return _full(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "id": run.id,
            "workflow": run.name,
            "number": run.number,
            "phase": str(run.phase),
            "reason": run.reason,
            "message": shortened(run.message),
            "cancelling": run.cancelling,
            "trigger": _full({"kind": str(run.trigger.kind), "detail": run.trigger.detail}),
            "revision": run.revision,
            "path": run.path,
            "digest": run.digest,
            "createdAt": stamp(run.created_at),
            "startedAt": _stamp(run.started_at),
            "finishedAt": _stamp(run.finished_at),
            "duration": seconds(run.started_at, run.finished_at),
            "parameters": parameters,
            "cutParameters": cut,
            "outputs": frame.outputs(run.outputs, _made(run)),
            "steps": {name: _step(run, step, frame) for name, step in run.steps.items()},
            "store": _full({"keys": frame.shelf.keys, "links": frame.shelf.links}),
            "parts": dict(sorted(run.parts.items())),
            "engine": ENGINE,
        },
        keep="steps",
    )


def dumps(record: Mapping[str, Any]) -> bytes:
    """The bytes of a record: ASCII only, so that no terminal and no viewer is led astray by them."""
    text = json.dumps(record, indent=1, ensure_ascii=True, allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def duration(step: Mapping[str, Any]) -> float | None:
    """Seconds from the start of a recorded step's first attempt to its end."""
    attempts = step.get("attempts", [])
    started = next((attempt["startedAt"] for attempt in attempts if "startedAt" in attempt), None)
    finished = step.get("finishedAt") or next((attempt.get("finishedAt") for attempt in attempts[-1:]), None)
    return seconds(read(started), read(finished)) if started and finished else None


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all parts of one record are written with."""

    shelf: Shelf
    links: Mapping[str, str]
    limit: int

    def artifact(self, name: str, artifact: Artifact) -> Record:
        return self.shelf.entry(name, artifact, self.links)

    def log(self, log: Artifact) -> Record:
        """No step takes a log as input; the beginning of its checksum tells of damage in less room."""
        return self.artifact("log", replace(log, sha256=log.sha256[:SHORT]))

    def outputs(self, outputs: Outputs, made: Mapping[Artifact, str]) -> Record:
        """`made` names the artifacts that stand elsewhere in the record already."""
        parameters, cut = kept(outputs.parameters, self.limit)
        artifacts = {
            name: {"from": made[artifact]} if artifact in made else self.artifact(name, artifact)
            for name, artifact in sorted(outputs.artifacts.items())
        }
        return _full({"parameters": parameters, "cutParameters": cut, "artifacts": artifacts})


def _frame(run: Run, links: Mapping[str, str]) -> _Frame:
    values = len(run.parameters) + sum(len(step.outputs.parameters) for step in run.steps.values())
    return _Frame(shelf_of(run, list(_artifacts(run)), links), links, limit_for(values))


def _artifacts(run: Run) -> Iterator[Artifact]:
    for step in run.steps.values():
        for attempt in step.attempts:
            yield from attempt.outputs.artifacts.values()
            if attempt.log:
                yield attempt.log
    yield from run.outputs.artifacts.values()


def _made(run: Run) -> dict[Artifact, str]:
    """Where a reader finds each artifact of the last attempts: "step/name"."""
    return {
        artifact: f"{step.name}/{name}"
        for step in run.steps.values()
        for attempt in step.attempts[-1:]
        for name, artifact in attempt.outputs.artifacts.items()
        if "/" not in step.name
    }


def _step(run: Run, step: StepRun, frame: _Frame) -> Record:
    defined = run.workflow.steps.get(step.name) if run.workflow else None
    ended_with_attempt = step.current is not None and step.finished_at == step.current.finished_at
    return _full(
        {
            "phase": str(step.phase),
            "reason": step.reason,
            "message": shortened(step.message),
            "needs": list(defined.depends_on) if defined else [],
            "continueOnFailure": (defined and defined.continue_on_failure) or None,
            "notBefore": _stamp(step.not_before),
            "finishedAt": None if ended_with_attempt else _stamp(step.finished_at),
            "attempts": [_attempt(attempt, frame) for attempt in step.attempts],
        }
    )


def _attempt(attempt: Attempt, frame: _Frame) -> Record:
    return _full(
        {
            "number": attempt.number,
            "phase": str(attempt.phase),
            "reason": attempt.reason,
            "message": shortened(attempt.message),
            "failure": str(attempt.failure) if attempt.failure else None,
            "cancelling": attempt.cancelling,
            "createdAt": stamp(attempt.created_at),
            "startedAt": _stamp(attempt.started_at),
            "finishedAt": _stamp(attempt.finished_at),
            "exitCode": attempt.exit_code,
            "outputs": frame.outputs(attempt.outputs, {}),
            "log": frame.log(attempt.log) if attempt.log else None,
        }
    )


def _full(fields: Record, keep: str = "") -> Record:
    """Without the fields that hold nothing (0 and false are something), except for `keep`."""
    return {key: value for key, value in fields.items() if key == keep or value not in (None, "", {}, [])}


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
