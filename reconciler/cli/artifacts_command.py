"""`reconciler artifacts`: what a run left in the store, and how to get it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from reconciler import composition
from reconciler.artifacts import packing
from reconciler.cli.completion import workflow_names
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import print_json, print_table, print_text, remark, size
from reconciler.cli.recorded import asked, find_run, linking, recorded
from reconciler.core.suggest import did_you_mean
from reconciler.errors import ReconcilerError
from reconciler.model.run import Artifact, Run
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler artifacts churn                                       of the newest run
  reconciler artifacts churn 12 report/page --get page.html        fetched and verified
  reconciler artifacts churn 12 --get everything/                  all of them, as <step>/<name>
"""


@click.command(epilog=EPILOG)
@click.argument("workflow", shell_complete=workflow_names)
@click.argument("rest", nargs=-1, metavar="[NUMBER] [STEP/NAME]")
@click.option("--get", "destination", type=click.Path(path_type=Path), metavar="DEST", help="Fetch to DEST.")
@with_output()
@with_settings
def command(
    settings: Settings, workflow: str, rest: tuple[str, ...], destination: Path | None, output: str
) -> None:
    """List the artifacts of a run with size, sha256 and link, or fetch them.

    What is fetched is compared with the recorded size and sha256, and appears whole or not at all. A single
    artifact goes to DEST itself, or into DEST where that is a directory.
    """
    wanted = asked((workflow, *rest), most=1)
    with recorded(settings) as state:
        run = find_run(state, wanted)
    found = artifacts_of(run)
    if wanted.rest:
        found = {wanted.rest[0]: _one(run, found, wanted.rest[0])}
    if destination is not None:
        fetched = _fetch(settings, found, destination, single=bool(wanted.rest))
        for name, path in fetched.items():
            remark(f"{name}: {path}")
    addresses = linking(settings)(run)
    if output == "json":
        print_artifacts_json(run, found, addresses)
    elif destination is None:
        print_artifacts(run, found, addresses)


def artifacts_of(run: Run) -> dict[str, Artifact]:
    """What the steps of a run left, by "step/name", and what the run names as its results, by name."""
    left = {
        f"{step.name}/{name}": artifact
        for step in run.steps.values()
        for name, artifact in step.outputs.artifacts.items()
    }
    return {**left, **run.outputs.artifacts}


def print_artifacts(run: Run, found: Mapping[str, Artifact], addresses: Mapping[str, str]) -> None:
    """For people; a result of the run is the artifact of a step, and stands there."""
    rows = [
        (name, size(artifact.size), artifact.sha256[:12], addresses.get(artifact.key, artifact.key))
        for name, artifact in found.items()
        if "/" in name or len(found) == 1
    ]
    if rows:
        print_text(f"{run.title}: {run.phase}")
        print_table(rows, indent="  ")
    else:
        remark(f"{run.title} left no artifacts")


def print_artifacts_json(run: Run, found: Mapping[str, Artifact], addresses: Mapping[str, str]) -> None:
    entries = [
        {
            "name": name,
            "key": artifact.key,
            "form": artifact.form,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "contentType": artifact.content_type,
            "executable": artifact.executable,
            "link": addresses.get(artifact.key),
        }
        for name, artifact in found.items()
    ]
    print_json("ArtifactList", run=run.id, workflow=run.name, number=run.number, artifacts=entries)


def _one(run: Run, found: Mapping[str, Artifact], name: str) -> Artifact:
    if name not in found:
        message = f"{run.title} has no artifact '{name}'.{did_you_mean(name, found)}"
        raise ReconcilerError(message, hint=f"`reconciler artifacts {run.name} {run.number}` lists them.")
    return found[name]


def _fetch(
    settings: Settings, found: Mapping[str, Artifact], destination: Path, *, single: bool
) -> dict[str, Path]:
    store = composition.open_artifacts(settings)
    fetched: dict[str, Path] = {}
    for name, artifact in found.items():
        if "/" not in name and not single:
            continue
        if single and not destination.is_dir():
            path = destination
        else:
            path = destination / (artifact.name if single else name)
        packing.place(store, artifact, path)
        fetched[name] = path
    return fetched
