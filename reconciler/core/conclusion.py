"""How a run ends: its phase follows from those of its steps, its outputs from theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.core import context, expressions, templates
from reconciler.model.run import Artifact, Outputs, Phase, Run
from reconciler.model.workflow import Value


def conclude(run: Run) -> Run:
    """The run with its final phase and outputs if every step has ended, else as it is."""
    # From the end, because what comes last in a definition mostly runs last: the first look tells.
    if not all(run.steps[name].phase.is_terminal for name in reversed(list(run.steps))):
        return run
    phase, reason, message = _phase(run)
    ended = replace(run, phase=phase, reason=reason, message=message, finished_at=_finished(run))
    ended = replace(ended, started_at=ended.started_at or run.created_at)
    try:
        return replace(ended, outputs=_outputs(ended))
    except expressions.ExpressionFailed as error:
        if phase is not Phase.SUCCEEDED:
            return ended
        return replace(ended, phase=Phase.FAILED, reason="OutputInvalid", message=str(error))


def _phase(run: Run) -> tuple[Phase, str, str]:
    assert run.workflow is not None
    if run.cancelling == "RunTimedOut" or any(s.reason == "RunTimedOut" for s in run.steps.values()):
        return Phase.FAILED, "RunTimedOut", f"the run passed its time limit of {run.workflow.timeout:g} s"
    steps = run.workflow.steps
    failed = [
        step
        for step in run.steps.values()
        if step.phase is Phase.FAILED and not steps[step.name].continue_on_failure
    ]
    if failed:
        first = failed[0]
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Phase.FAILED, "StepFailed", f"step {first.name}: {first.reason}{others}: {first.message}"
    if run.cancelling or any(step.phase is Phase.CANCELLED for step in run.steps.values()):
        return Phase.CANCELLED, run.cancelling or "Cancelled", "the run was cancelled"
    return Phase.SUCCEEDED, "", ""


def _finished(run: Run) -> datetime:
    """The end of the last attempt, or the moment of the time limit if that came later."""
    assert run.workflow is not None
    ends = [a.finished_at for step in run.steps.values() for a in step.attempts if a.finished_at]
    if run.cancelling == "RunTimedOut" and run.started_at and run.workflow.timeout is not None:
        ends.append(run.started_at + timedelta(seconds=run.workflow.timeout))
    return max(ends, default=run.created_at)


def _outputs(run: Run) -> Outputs:
    """The declared outputs of the workflow; those of steps that did not succeed are left out."""
    assert run.workflow is not None
    declared = run.workflow.outputs
    known = context.of_run(run, run.steps)
    parameters: dict[str, Value] = {}
    for name, template in declared.parameters.items():
        if all(run.steps[s].phase is Phase.SUCCEEDED for s in _steps_in(template)):
            parameters[name] = templates.render(template, known)
    artifacts: dict[str, Artifact] = {}
    for name, source in declared.artifacts.items():
        step, _, artifact = source.partition("/")
        found = run.steps[step].outputs.artifacts.get(artifact)
        if found is not None:
            artifacts[name] = found
    return Outputs(parameters=parameters, artifacts=artifacts)


def _steps_in(template: Value) -> Iterator[str]:
    """The steps that a template refers to."""
    if isinstance(template, str):
        for embedded in expressions.find(template):
            yield from (r.path[0] for r in expressions.references(embedded.source) if r.root == "steps")
    elif isinstance(template, dict | list):
        for item in template.values() if isinstance(template, dict) else template:
            yield from _steps_in(item)
