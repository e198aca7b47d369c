"""What a pass tells the people who watch it; nothing depends on anybody listening."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.run import Attempt, Phase, Run, StepRun


class Kind(StrEnum):
    """What happened."""

    REVISION = "revision"
    PROBLEM = "problem"
    RUN_STARTED = "run-started"
    RUN_ENDED = "run-ended"
    RUN_ADOPTED = "run-adopted"
    RUN_CARRIED_ON = "run-carried-on"
    ATTEMPT_STARTED = "attempt-started"
    ATTEMPT_FAILED = "attempt-failed"
    STEP_ENDED = "step-ended"
    PUBLISHED = "published"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `text` is a sentence for people, without time and without colour."""

    kind: Kind
    text: str
    run: Run | None = None
    step: StepRun | None = None


Notify = Callable[[Event], None]


def of_changes(before: Run, after: Run, steps: Iterable[StepRun]) -> list[Event]:
    """The events that lie between two values of the same run, which differ in `steps`."""
    events: list[Event] = []
    for step in steps:
        was = before.steps.get(step.name)
        if step.phase.is_terminal and not (was and was.phase.is_terminal):
            events.append(Event(Kind.STEP_ENDED, _step_sentence(after, step), after, step))
        elif step.not_before is not None and step.current is not None:
            text = _attempt_sentence(after, step, step.current)
            events.append(Event(Kind.ATTEMPT_FAILED, text, after, step))
    if after.phase.is_terminal and not before.phase.is_terminal:
        detail = f": {after.message}" if after.message else ""
        events.append(Event(Kind.RUN_ENDED, f"{after.title}: {after.phase}{detail}", after))
    return events


def _attempt_sentence(run: Run, step: StepRun, attempt: Attempt) -> str:
    ended = attempt.finished_at or attempt.created_at
    wait = (step.not_before - ended).total_seconds() if step.not_before else 0.0
    failed = f"attempt {attempt.number} failed ({attempt.reason}): {attempt.message}"
    return f"{run.title}: {step.name}: {failed}; again in {wait:.3g} s"


def _step_sentence(run: Run, step: StepRun) -> str:
    reason = f" ({step.reason})" if step.reason else ""
    # what is said of a success is for the record: where it ran, say
    message = f": {step.message}" if step.message and step.phase is not Phase.SUCCEEDED else ""
    return f"{run.title}: {step.name}: {step.phase}{reason}{message}"
