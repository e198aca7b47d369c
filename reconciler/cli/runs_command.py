"""`reconciler runs`: what ran, newest first."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.completion import workflow_names
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import clock_time, print_json, print_table, remark, took
from reconciler.cli.recorded import Asked, find_run, recorded
from reconciler.ledger.moment import stamp
from reconciler.model.run import Phase, Run
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler runs                              the latest 20 of all workflows
  reconciler runs churn --limit 100
  reconciler runs --phase Failed -o json
"""


@click.command(epilog=EPILOG)
@click.argument("workflow", required=False, shell_complete=workflow_names)
@click.option("--phase", type=click.Choice([*Phase], case_sensitive=False), help="Only runs in this phase.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="At most so many."
)
@with_output()
@with_settings
def command(settings: Settings, workflow: str | None, phase: str | None, limit: int, output: str) -> None:
    """List runs, newest first: of all workflows, or of WORKFLOW."""
    with recorded(settings) as state:
        if workflow is not None and not state.last_number(workflow):
            find_run(state, Asked(workflow, None, ()))
        found = state.history(workflow, Phase(phase) if phase else None, limit)
    if output == "json":
        print_json("RunList", runs=[_entry(run) for run in found])
    elif found:
        print_table([("RUN", "PHASE", "STARTED", "TOOK", "TRIGGER", "REVISION"), *map(_row, found)])
    else:
        remark("no runs yet" if phase is None else f"no run is {phase}")


def _row(run: Run) -> tuple[str, ...]:
    trigger = str(run.trigger)
    return (
        run.title,
        str(run.phase),
        clock_time(run.started_at),
        took(run.duration),
        trigger,
        run.revision[:12],
    )


def _entry(run: Run) -> dict[str, Any]:
    """One run in the list: without steps and values, which `show` has."""
    return {
        "id": run.id,
        "workflow": run.name,
        "number": run.number,
        "phase": str(run.phase),
        "reason": run.reason,
        "message": run.message,
        "trigger": {"kind": str(run.trigger.kind), "detail": run.trigger.detail},
        "revision": run.revision,
        "digest": run.digest,
        "createdAt": stamp(run.created_at),
        "startedAt": stamp(run.started_at) if run.started_at else None,
        "finishedAt": stamp(run.finished_at) if run.finished_at else None,
        "duration": run.duration,
    }
