"""Which runs to start, and why: a changed definition, a time that has come, a person who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.core import names, schedule, transition, values
from reconciler.model.run import Phase, Run, StartRun, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import MISSING, Definition, Value, Workflow


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the earlier runs of a workflow.

    `digest` is the one last started with (None: never), `why_changed` says what differs since then,
    `since` gives, by cron line, the moment up to which it has been looked at.
    """

    last_number: int = 0
    digest: str | None = None
    why_changed: Sequence[str] = ()
    since: Mapping[str, datetime] = field(default_factory=dict)


def due(definition: Definition, past: Past, revision: str, now: datetime) -> list[StartRun]:
    """The runs of one workflow that should start now, by change first, then by time."""
    workflow = definition.workflow
    if workflow.suspend:
        return []
    triggers: list[tuple[Trigger, str]] = []
    if workflow.triggers.change and not _is_known(definition, past):
        triggers.append((Trigger(TriggerKind.CHANGE), _why(past)))
    for moment, why in _moments(workflow, past, now):
        triggers.append((Trigger(TriggerKind.SCHEDULE, moment), why))
    numbered = enumerate(triggers, past.last_number + 1)
    return [start(definition, number, revision, trigger, {}, why) for number, (trigger, why) in numbered]


def waits(definition: Definition, past: Past, never: str, changed: str) -> str:
    """What a workflow that need not start now waits for; empty where it ran as it is.

    `never` and `changed` are the words for one that did not run at all, and not as it is now.
    """
    if _is_known(definition, past):
        return ""
    crons = [line.cron for line in definition.workflow.triggers.schedules]
    rest = f"waits for its schedule ({', '.join(crons)})" if crons else "starts by hand only"
    return f"{never if past.digest is None else changed}; {rest}"


def _is_known(definition: Definition, past: Past) -> bool:
    """Whether it was started last. Of a run whose record was lost, the beginning of the digest is known."""
    return past.digest is not None and definition.digest.startswith(past.digest)


def _moments(workflow: Workflow, past: Past, now: datetime) -> list[tuple[str, str]]:
    """The due times, each once whichever lines name it, with the reason; oldest first."""
    found: dict[str, str] = {}
    for line in workflow.triggers.schedules:
        for moment in schedule.due(line, past.since.get(line.cron, now), now):
            detail = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            found.setdefault(detail, f"due at {detail} ({line.cron})")
    return sorted(found.items())


def start(
    definition: Definition,
    number: int,
    revision: str,
    trigger: Trigger,
    given: Mapping[str, Value],
    because: str,
) -> StartRun:
    """The decision to start one run; `given` parameters stand over the defaults."""
    workflow = definition.workflow
    declared = workflow.parameters
    defaults = {p.name: p.default for p in declared.values() if p.default is not MISSING}
    parameters = {
        name: values.coerce(value, declared[name].type) for name, value in {**defaults, **given}.items()
    }
    return StartRun(
        definition=definition,
        number=number,
        run_id=names.run_id(workflow.name, number, revision, definition.digest, trigger),
        trigger=trigger,
        parameters=parameters,
        because=because,
    )


def opened(decision: StartRun, revision: str, now: datetime) -> Run:
    """The run that a decision brings about, before its first step."""
    definition = decision.definition
    return Run(
        id=decision.run_id,
        name=definition.workflow.name,
        number=decision.number,
        revision=revision,
        digest=definition.digest,
        trigger=decision.trigger,
        created_at=now,
        path=definition.path,
        workflow=definition.workflow,
        parameters=decision.parameters,
        parts=definition.parts,
        steps={name: StepRun(name) for name in definition.workflow.steps},
    )


def without_files(run: Run, refused: Mapping[str, str]) -> Run:
    """The run after some of its steps turned out to need files that cannot be had."""
    if not refused:
        return run
    failed = {
        name: replace(run.steps[name], phase=Phase.FAILED, reason="InputMissing", message=why)
        for name, why in refused.items()
    }
    return transition.settle(replace(run, steps={**run.steps, **failed}))


def _why(past: Past) -> str:
    if past.digest is None:
        return "new"
    return "; ".join(past.why_changed) or "definition changed"
