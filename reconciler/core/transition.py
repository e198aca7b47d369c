"""What an observation means: (run, observations, now) -> run.

Retries, time limits, skips and the run's own phase are decided here and nowhere else. Times in the
result come from what was observed, not from the clock: a run that is recovered from its traces after
the database was lost must end exactly as it would have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import compress
from operator import is_not

from reconciler.core import conclusion, graph, verdict
from reconciler.model.run import Attempt, AttemptKey, Observation, Phase, Run, Status, StepRun

TIMED_OUT = "TimedOut"
RUN_TIMED_OUT = "RunTimedOut"


def live_keys(run: Run) -> list[AttemptKey]:
    """The attempts that an executor must be asked about."""
    return [live_key(run, step) for step in graph.running(run.steps)]


def live_key(run: Run, step: StepRun) -> AttemptKey:
    """The attempt of a running step."""
    return AttemptKey(run.id, step.name, step.attempts[-1].number)


def changed(before: Run | None, after: Run) -> list[StepRun]:
    """The steps that are not what they were before; all of them if there was nothing before."""
    if before is None:
        return list(after.steps.values())
    if before.steps is after.steps:
        return []
    # A run keeps its steps in their order. All of it in C: there may be thousands, at every turn.
    return list(compress(after.steps.values(), map(is_not, after.steps.values(), before.steps.values())))


def advance(run: Run, seen: Mapping[AttemptKey, Observation], now: datetime) -> Run:
    """The run after what was seen of its attempts; the same object if nothing changed."""
    if run.phase.is_terminal or run.workflow is None:
        return run
    before = run
    for key, observation in seen.items():
        run = _absorb(run, key, observation)
    run = _expire(run, now)
    return run if run is before else settle(run)


def recover(run: Run, seen: Mapping[AttemptKey, Observation], now: datetime) -> Run:
    """An anchored run whose progress was lost, brought up to date from the traces of its attempts."""
    for key in sorted(seen):
        if key.step in run.steps:
            attempt = Attempt(number=key.attempt, created_at=run.created_at)
            step = run.steps[key.step].with_attempt(attempt)
            run = _absorb(run.with_step(replace(step, phase=Phase.RUNNING)), key, seen[key])
    return settle(_expire(run, now))


def cancel(run: Run, reason: str) -> Run:
    """The run, to be stopped: its attempts are marked, and nothing further starts."""
    run = replace(run, cancelling=run.cancelling or reason)
    for step in run.steps.values():
        if step.phase is Phase.RUNNING and not step.attempts[-1].cancelling:
            run = run.with_step(step.with_attempt(replace(step.attempts[-1], cancelling=reason)))
    return settle(run)


def settle(run: Run) -> Run:
    """Skip what can no longer run, then conclude the run if every step has ended."""
    workflow = run.workflow
    assert workflow is not None
    if not run.cancelling and not graph.has_block(run.steps):
        return conclusion.conclude(run)  # the usual case, and there may be thousands of steps
    steps = dict(run.steps)
    if run.cancelling:
        for step in graph.waiting(workflow, steps):
            steps[step.name] = skipped(steps[step.name], run.cancelling, _why_cancelling(run))
    for name, why in graph.blocked_steps(workflow, steps):
        steps[name] = skipped(steps[name], why.reason, why.message)
    return conclusion.conclude(replace(run, steps=steps))


def skipped(step: StepRun, reason: str, message: str) -> StepRun:
    """The step, not run, saying why."""
    return replace(step, phase=Phase.SKIPPED, reason=reason, message=message, not_before=None)


def _absorb(run: Run, key: AttemptKey, seen: Observation) -> Run:
    """Fold one observation into its step; what concerns an ended or unknown attempt changes nothing."""
    step = run.steps.get(key.step)
    if step is None or step.phase is not Phase.RUNNING or step.attempts[-1].number != key.attempt:
        return run
    attempt = step.attempts[-1]
    match seen.status:
        case Status.STARTING:
            return run
        case Status.RUNNING:
            if attempt.phase is Phase.RUNNING:
                return run
            started = replace(attempt, phase=Phase.RUNNING, started_at=seen.started_at)
            run = run.with_step(step.with_attempt(started))
            return replace(run, phase=Phase.RUNNING, started_at=run.started_at or seen.started_at)
        case Status.MISSING:
            if attempt.phase is Phase.PENDING and not attempt.cancelling:
                return run  # the intent stands; the plan launches it again
            return run.with_step(verdict.vanished(run, step))
        case Status.ENDED:
            run = run.with_step(verdict.ended(run, step, seen))
            started_at = run.started_at or seen.started_at
            return replace(run, phase=Phase.RUNNING, started_at=started_at)


def _expire(run: Run, now: datetime) -> Run:
    """Mark for cancelling what has run for too long."""
    workflow = run.workflow
    assert workflow is not None
    if not run.cancelling and _passed(run.started_at, workflow.timeout, now):
        run = replace(run, cancelling=RUN_TIMED_OUT)
    for step in [step for step in graph.running(run.steps) if _must_stop(run, step, now)]:
        why = run.cancelling or TIMED_OUT
        run = run.with_step(step.with_attempt(replace(step.attempts[-1], cancelling=why)))
    return run


def _must_stop(run: Run, step: StepRun, now: datetime) -> bool:
    if step.attempts[-1].cancelling:
        return False
    assert run.workflow is not None
    limit = run.workflow.steps[step.name].timeout
    return bool(run.cancelling) or _passed(step.attempts[-1].started_at, limit, now)


def _passed(start: datetime | None, limit: float | None, now: datetime) -> bool:
    return start is not None and limit is not None and now >= start + timedelta(seconds=limit)


def _why_cancelling(run: Run) -> str:
    if run.cancelling == RUN_TIMED_OUT and run.workflow is not None:
        return f"the run passed its time limit of {run.workflow.timeout:g} s before this step started"
    return "the run was cancelled before this step started"


def wake_times(run: Run, steps: Iterable[StepRun]) -> Iterator[datetime]:
    """When the run and these steps of it want to be looked at again although nothing was observed."""
    workflow = run.workflow
    assert workflow is not None
    if run.started_at and workflow.timeout is not None and not run.cancelling:
        yield run.started_at + timedelta(seconds=workflow.timeout)
    for step in steps:
        if step.phase is Phase.PENDING and step.not_before is not None:
            yield step.not_before
        elif step.phase is Phase.RUNNING and not step.attempts[-1].cancelling:
            start, limit = step.attempts[-1].started_at, workflow.steps[step.name].timeout
            if start is not None and limit is not None:
                yield start + timedelta(seconds=limit)
