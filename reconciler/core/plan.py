"""What should happen next in a run: which attempts to launch, and which to launch again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core import call, context, expressions, graph, transition
from reconciler.model.run import Attempt, AttemptKey, Launch, Phase, Run, StepRun
from reconciler.model.workflow import Step


@dataclass(frozen=True, slots=True)
class Decision:
    """What to record first (`run`), and then to launch."""

    run: Run
    launches: tuple[Launch, ...] = ()


def decide(run: Run, now: datetime, free: int) -> Decision:
    """The run with the attempts that start now, at most `free` of them.

    Steps whose condition is false are skipped on the way and steps that cannot be called fail, which
    may end the run or make others ready; so this goes on until nothing moves.
    """
    launches: list[Launch] = []
    free = min(free, _room(run))
    while not run.phase.is_terminal and not run.cancelling:
        closed = False
        for step in ready(run, now):  # as the run was before this round
            if len(launches) >= free:
                return Decision(transition.settle(run) if closed else run, tuple(launches))
            opened, launch = _open(run, step, now)
            run = run.with_step(opened)
            launches += [launch] if launch else []
            closed = closed or launch is None
        if not closed:
            break
        run = transition.settle(run)
    return Decision(run, tuple(launches))


def ready(run: Run, now: datetime) -> Iterator[Step]:
    """Steps that may start now, in the order of the definition."""
    assert run.workflow is not None
    for step in graph.waiting(run.workflow, run.steps):
        not_before = run.steps[step.name].not_before
        if (not_before is None or not_before <= now) and graph.needs_ended(step, run.steps):
            yield step


def repeat(run: Run, key: AttemptKey) -> Launch | None:
    """The launch of an attempt that was intended but left no trace: the same one, under the same name."""
    step = run.steps.get(key.step)
    attempt = step.current if step else None
    if attempt is None or attempt.number != key.attempt or attempt.phase is not Phase.PENDING:
        return None
    if attempt.cancelling or run.workflow is None:
        return None
    return Launch(call.build(run, run.workflow.steps[key.step], key.attempt))


def _open(run: Run, step: Step, now: datetime) -> tuple[StepRun, Launch | None]:
    """The step with its next attempt and the launch for it; no launch if it must not or cannot start."""
    step_run = run.steps[step.name]
    try:
        if step.when is not None and not _holds(run, step):
            return transition.skipped(step_run, "ConditionFalse", f"`{step.when}` is false"), None
        number = len(step_run.attempts) + 1
        launch = Launch(call.build(run, step, number))
    except expressions.ExpressionFailed as error:
        return _unstartable(step_run, "ExpressionFailed", str(error)), None
    except call.InputMissing as error:
        return _unstartable(step_run, "InputMissing", str(error)), None
    opened = step_run.with_attempt(Attempt(number=number, created_at=now))
    return replace(opened, phase=Phase.RUNNING, reason="", message="", not_before=None), launch


def _holds(run: Run, step: Step) -> bool:
    assert step.when is not None
    source = expressions.condition(step.when).source
    value = expressions.evaluate(source, context.of_run(run, step.depends_on))
    if not isinstance(value, bool):
        raise expressions.ExpressionFailed(f"`{step.when}` gave {value!r}, which is neither true nor false")
    return value


def _unstartable(step: StepRun, reason: str, message: str) -> StepRun:
    return replace(step, phase=Phase.FAILED, reason=reason, message=message, not_before=None)


def _room(run: Run) -> int:
    """How many more attempts the run allows itself."""
    assert run.workflow is not None
    limit = run.workflow.parallelism
    return limit - len(graph.running(run.steps)) if limit else len(run.steps)
