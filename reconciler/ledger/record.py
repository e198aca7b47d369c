"""A finished run as one JSON document: what the ledger holds, `show --output json` prints, `rebuild` reads.

`schemas/record.schema.json` documents the shape. The order of the keys is fixed and nothing in it
depends on when or where it was written, so the same run gives the same bytes. A field that would hold
nothing is left out. No log text, no file bundles and no definition: those are looked up by key,
digest and revision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from reconciler import __version__
from reconciler.ledger.moment import seconds, stamp
from reconciler.ledger.values import LIMIT, kept, limit_for, shortened
from reconciler.model.run import Artifact, Attempt, Outputs, Run, StepRun

Record = dict[str, Any]
"""One run in the shape of `schemas/record.schema.json`."""

API_VERSION: Final = "reconciler/v1"
KIND: Final = "Run"
ENGINE: Final = f"reconciler {__version__}"

_plain_artifact: Final = Artifact(name="", key="", size=0, sha256="")


def to_record(run: Run, links: Mapping[str, str]) -> Record:
    """The record of `run`; `links` maps artifact keys to addresses that a person can open."""
    limit = limit_for(len(run.parameters) + sum(len(step.outputs.parameters) for step in run.steps.values()))
    parameters, cut = kept(run.parameters, limit)
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
            "outputs": _outputs(run.outputs, links, limit),
            "steps": {name: _step(run, step, links, limit) for name, step in run.steps.items()},
            "parts": dict(sorted(run.parts.items())),
            "engine": ENGINE,
        },
        keep="steps",
    )


def dumps(record: Mapping[str, Any]) -> bytes:
    """The bytes of a record: ASCII only, so that no terminal and no viewer is led astray by them."""
    text = json.dumps(record, indent=1, ensure_ascii=True, allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def _step(run: Run, step: StepRun, links: Mapping[str, str], limit: int) -> Record:
    started = next((attempt.started_at for attempt in step.attempts if attempt.started_at), None)
    defined = run.workflow.steps.get(step.name) if run.workflow else None
    return _full(
        {
            "phase": str(step.phase),
            "reason": step.reason,
            "message": shortened(step.message),
            "needs": list(defined.depends_on) if defined else [],
            "continueOnFailure": (defined and defined.continue_on_failure) or None,
            "notBefore": _stamp(step.not_before),
            "finishedAt": _stamp(step.finished_at),
            "duration": seconds(started, step.finished_at),
            "attempts": [_attempt(attempt, links, limit) for attempt in step.attempts],
        }
    )


def _attempt(attempt: Attempt, links: Mapping[str, str], limit: int) -> Record:
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
            "outputs": _outputs(attempt.outputs, links, limit),
            "log": _artifact("log", attempt.log, links) if attempt.log else None,
        }
    )


def _outputs(outputs: Outputs, links: Mapping[str, str], limit: int = LIMIT) -> Record:
    parameters, cut = kept(outputs.parameters, limit)
    artifacts = {name: _artifact(name, outputs.artifacts[name], links) for name in sorted(outputs.artifacts)}
    return _full({"parameters": parameters, "cutParameters": cut, "artifacts": artifacts})


def _artifact(name: str, artifact: Artifact, links: Mapping[str, str]) -> Record:
    """`name`, `form` and `contentType` only where they differ from what a reader would assume."""
    return _full(
        {
            "name": artifact.name if artifact.name != name else None,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "form": artifact.form if artifact.form != _plain_artifact.form else None,
            "contentType": artifact.content_type
            if artifact.content_type != _plain_artifact.content_type
            else None,
            "key": artifact.key,
            "link": links.get(artifact.key),
        }
    )


def _full(fields: Record, keep: str = "") -> Record:
    """Without the fields that hold nothing (0 and false are something), except for `keep`."""
    return {key: value for key, value in fields.items() if key == keep or value not in (None, "", {}, [])}


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
