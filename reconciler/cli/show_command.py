"""`reconciler show`: one run, whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import click

from reconciler.cli.completion import workflow_names
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import (
    clock_time,
    colour_of,
    print_document,
    print_table,
    print_text,
    size,
    took,
)
from reconciler.cli.recorded import asked, find_run, linking, recorded
from reconciler.ledger import moment, record
from reconciler.model.run import Run, StepRun
from reconciler.model.workflow import Value
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler show churn                 the newest run
  reconciler show churn 12
  reconciler show churn 12 -o json      the record as the ledger keeps it; see `reconciler schema record`
"""

_LONGEST_VALUE = 200


@click.command(epilog=EPILOG)
@click.argument("workflow", shell_complete=workflow_names)
@click.argument("number", nargs=-1, metavar="[NUMBER]")
@with_output()
@with_settings
def command(settings: Settings, workflow: str, number: tuple[str, ...], output: str) -> None:
    """Show one run with its steps, values and artifacts: run NUMBER of WORKFLOW, or the newest."""
    with recorded(settings) as state:
        run = find_run(state, asked((workflow, *number), most=0))
    if output == "json":
        print_document(record.to_record(run, linking(settings)(run)))
    else:
        print_run(run)


def print_run(run: Run) -> None:
    """A run for people."""
    detail = f": {run.message}" if run.message else ""
    reason = f" ({run.reason})" if run.reason else ""
    print_text(f"{run.title}: {run.phase}{reason}{detail}", colour_of(run.phase))
    print_table(_facts(run), indent="  ")
    if run.steps:
        print_text("\nsteps")
        print_table(map(_step_row, run.steps.values()), indent="  ")
    _print_values("parameters", run.parameters)
    _print_values("outputs", _outputs(run))
    kept = list(_kept(run))
    if kept:
        print_text("\nartifacts")
        print_table(kept, indent="  ")


def print_failures(run: Run) -> None:
    """The end of what each failed step wrote."""
    for step in run.steps.values():
        if step.phase == "Failed" and step.current and step.current.log_tail:
            print_text(f"\n{run.title}: {step.name}: the end of its log")
            print_text(step.current.log_tail.rstrip("\n"))


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    yield "id", run.id
    yield "revision", run.revision
    yield "trigger", str(run.trigger)
    yield "started", clock_time(run.started_at)
    if run.finished_at:
        yield "finished", f"{clock_time(run.finished_at)}, after {took(run.duration)}"


def _step_row(step: StepRun) -> tuple[str, ...]:
    """Name, phase, how long the last attempt took, which attempt that was, and why it ended so."""
    attempt = step.current
    duration = moment.seconds(attempt.started_at, attempt.finished_at) if attempt else None
    number = f"attempt {attempt.number}" if attempt and attempt.number > 1 else ""
    why = f"{step.reason}: {step.message}" if step.reason and step.message else step.reason or step.message
    return step.name, str(step.phase), took(duration), number, why


def _outputs(run: Run) -> dict[str, Value]:
    """What the steps gave, then what the run gives."""
    steps = {
        f"{step.name}/{name}": value
        for step in run.steps.values()
        for name, value in step.outputs.parameters.items()
    }
    return {**steps, **run.outputs.parameters}


def _print_values(title: str, values: Mapping[str, Value]) -> None:
    if values:
        print_text(f"\n{title}")
        print_table([(name, _shown(value)) for name, value in values.items()], indent="  ")


def _shown(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text)} characters)"


def _kept(run: Run) -> Iterator[tuple[str, ...]]:
    for step in run.steps.values():
        for name, artifact in step.outputs.artifacts.items():
            yield f"{step.name}/{name}", size(artifact.size), artifact.content_type
