"""What the end of an attempt means for its step: success with typed outputs, another attempt, or failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.core import names, values
from reconciler.model.run import Attempt, AttemptKey, Observation, Outputs, Phase, Run, StepRun
from reconciler.model.workflow import MISSING, FailureClass, Retry, Step, Value


def ended(run: Run, step: StepRun, seen: Observation) -> StepRun:
    """The step after its current attempt was seen to have ended."""
    assert run.workflow is not None
    definition = run.workflow.steps[step.name]
    attempt = replace(
        step.attempts[-1],
        started_at=seen.started_at,
        finished_at=seen.finished_at or seen.started_at,
        exit_code=seen.exit_code,
        log_tail=seen.log_tail,
        log=seen.log,
        message=seen.message,
    )
    if seen.failure is None:
        return _succeeded(run, step, definition, attempt, seen.outputs)
    failure, reason, message = _classify(run, definition, attempt, seen)
    attempt = replace(attempt, outputs=Outputs(artifacts=seen.outputs.artifacts))
    return failed(run, step, attempt, failure, reason, message)


def vanished(run: Run, step: StepRun) -> StepRun:
    """The step after its attempt left no trace: stopped before it began, or lost with its machine."""
    attempt = step.attempts[-1]
    attempt = replace(attempt, finished_at=attempt.started_at or attempt.created_at)
    if attempt.cancelling:
        failure = FailureClass.CANCELLED
        return failed(run, step, attempt, failure, attempt.cancelling, "stopped before it started")
    message = "the executor has no trace of this attempt any more; its machine or its directory is gone"
    return failed(run, step, attempt, FailureClass.INFRASTRUCTURE, "Lost", message)


def failed(
    run: Run, step: StepRun, attempt: Attempt, failure: FailureClass, reason: str, message: str
) -> StepRun:
    """The step after a failed attempt: waiting for the next one if the budget allows, else ended."""
    assert run.workflow is not None
    retry = run.workflow.steps[step.name].retry
    phase = Phase.CANCELLED if failure is FailureClass.CANCELLED else Phase.FAILED
    attempt = replace(attempt, phase=phase, failure=failure, reason=reason, message=message)
    step = step.with_attempt(attempt)
    if failure in retry.on and attempt.number <= retry.limit and not run.cancelling:
        key = AttemptKey(run.id, step.name, attempt.number)
        again = (attempt.finished_at or attempt.created_at) + backoff(retry, key)
        return replace(step, phase=Phase.PENDING, reason=reason, message=message, not_before=again)
    return _closed(step, phase, reason, message, attempt.finished_at)


def backoff(retry: Retry, key: AttemptKey) -> timedelta:
    """How long to wait after the attempt of `key` failed."""
    rule = retry.backoff
    exponent = min(key.attempt - 1, 64)  # beyond that every factor > 1 has long met the maximum
    seconds = min(rule.maximum, rule.initial * rule.factor**exponent)
    return timedelta(seconds=max(0.0, seconds * (1 + rule.jitter * names.spread(key))))


def _succeeded(run: Run, step: StepRun, definition: Step, attempt: Attempt, raw: Outputs) -> StepRun:
    try:
        typed = _typed(definition, raw)
    except values.ValueRefused as error:
        kept = replace(attempt, outputs=Outputs(artifacts=raw.artifacts))
        return failed(run, step, kept, FailureClass.FAILURE, "OutputInvalid", str(error))
    outputs = Outputs(parameters=typed, artifacts=raw.artifacts)
    attempt = replace(attempt, phase=Phase.SUCCEEDED, outputs=outputs)
    return _closed(step.with_attempt(attempt), Phase.SUCCEEDED, "", attempt.message, attempt.finished_at)


def _typed(definition: Step, raw: Outputs) -> dict[str, Value]:
    """Output values in their declared types; ValueRefused names the output that has another."""
    typed: dict[str, Value] = {}
    for output in definition.parameter_outputs:
        if output.name in raw.parameters:
            try:
                typed[output.name] = values.parse_text(raw.parameters[output.name], output.type)
            except values.ValueRefused as error:
                raise values.ValueRefused(f"output '{output.name}' ({output.path}): {error}") from error
        elif output.default is not MISSING:
            typed[output.name] = output.default
    return typed


def _classify(run: Run, step: Step, attempt: Attempt, seen: Observation) -> tuple[FailureClass, str, str]:
    """Class, reason and message of a failure.

    That an attempt was stopped for its time limit is read off its times as well as off the recorded
    mark, because the mark is gone when the database was lost in between.
    """
    assert run.workflow is not None
    assert seen.failure is not None
    if attempt.cancelling not in ("", "TimedOut"):
        return FailureClass.CANCELLED, attempt.cancelling, seen.message or "the run was stopped"
    stopped = attempt.cancelling or seen.failure is FailureClass.CANCELLED
    if stopped and (attempt.cancelling or _overran(step.timeout, attempt.started_at, attempt.finished_at)):
        limit = f"{step.timeout:g} s" if step.timeout is not None else "its limit"
        return FailureClass.TIMEOUT, "TimedOut", f"stopped because it ran longer than {limit}"
    if stopped and _overran(run.workflow.timeout, run.started_at, attempt.finished_at):
        return FailureClass.CANCELLED, "RunTimedOut", "stopped because the run passed its time limit"
    return seen.failure, seen.reason, seen.message


def _overran(limit: float | None, start: datetime | None, end: datetime | None) -> bool:
    if limit is None or start is None or end is None:
        return False
    return end - start >= timedelta(seconds=limit)


def _closed(step: StepRun, phase: Phase, reason: str, message: str, when: datetime | None) -> StepRun:
    return replace(step, phase=phase, reason=reason, message=message, not_before=None, finished_at=when)
