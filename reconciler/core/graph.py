"""The order of steps, and why a step may not run: questions about needs, asked of phases."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reconciler.model.run import Phase, StepRun
from reconciler.model.workflow import Step, Workflow


class Blocked(NamedTuple):
    """Why a step will never run: a reason for machines and a sentence for people."""

    reason: str
    message: str


_BLOCKS = {
    Phase.FAILED: ("UpstreamFailed", "step '{}' failed"),
    Phase.SKIPPED: ("UpstreamSkipped", "step '{}' was skipped"),
    Phase.CANCELLED: ("UpstreamCancelled", "step '{}' was cancelled"),
}


def waiting(workflow: Workflow, steps: Mapping[str, StepRun]) -> Iterator[Step]:
    """Steps that neither run nor have ended, in the order of the definition."""
    pending = Phase.PENDING
    for name, step in workflow.steps.items():
        if steps[name].phase is pending:
            yield step


def running(steps: Mapping[str, StepRun]) -> list[StepRun]:
    """Steps with an attempt under way."""
    under_way = Phase.RUNNING
    return [step for step in steps.values() if step.phase is under_way]


def needs_ended(step: Step, steps: Mapping[str, StepRun]) -> bool:
    """Whether everything that the step waits for has ended, well or not."""
    for name in step.depends_on:  # noqa: SIM110 (a third of the time, for each waiting step at each turn)
        if not steps[name].phase.is_terminal:
            return False
    return True


def blocked(step: Step, workflow: Workflow, steps: Mapping[str, StepRun]) -> Blocked | None:
    """Why `step`, whose needs have all ended, may not run; None if it may.

    `depends_on` is sorted and the first that stands in the way is named, so that the answer does not
    depend on the order in which the needs ended.
    """
    for name in step.depends_on:
        phase = steps[name].phase
        tolerated = phase is Phase.FAILED and workflow.steps[name].continue_on_failure
        if phase in _BLOCKS and not tolerated:
            reason, sentence = _BLOCKS[phase]
            return Blocked(reason, sentence.format(name))
    return None


def has_block(steps: Mapping[str, StepRun]) -> bool:
    """Whether any step has ended in a way that may keep others from running."""
    return any(step.phase in _BLOCKS for step in steps.values())


def blocked_steps(workflow: Workflow, steps: Mapping[str, StepRun]) -> Iterator[tuple[str, Blocked]]:
    """Every waiting step that can no longer run, each after those that stand in its way.

    The caller must have replaced `steps[name]` by a skipped one before it asks for the next.
    """
    todo = deque(waiting(workflow, steps))
    dependents: dict[str, list[Step]] | None = None
    while todo:
        step = todo.popleft()
        if steps[step.name].phase is not Phase.PENDING or not needs_ended(step, steps):
            continue
        why = blocked(step, workflow, steps)
        if why is not None:
            yield step.name, why
            dependents = dependents or dependents_of(workflow)
            todo.extend(dependents.get(step.name, ()))


def dependents_of(workflow: Workflow) -> dict[str, list[Step]]:
    """For each step, those that wait for it."""
    found: dict[str, list[Step]] = {}
    for step in workflow.steps.values():
        for name in step.depends_on:
            found.setdefault(name, []).append(step)
    return found
