"""`reconciler run`: try a definition before pushing it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from reconciler import composition
from reconciler.cli.checkouts import inside, root_around
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import print_document, print_text, remark
from reconciler.cli.progress import watching
from reconciler.cli.show_command import print_failures, print_run
from reconciler.cli.signals import stop_on_signals
from reconciler.core.suggest import did_you_mean
from reconciler.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, ReconcilerError
from reconciler.ledger import record
from reconciler.model.problem import Severity
from reconciler.model.run import Phase, Run
from reconciler.model.workflow import Definition
from reconciler.reconcile import rehearsal
from reconciler.reconcile.edges import Edges
from reconciler.reconcile.publishing import links
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler run workflows/churn.yaml
  reconciler run workflows/churn.yaml -p epochs=500 -p 'labels=["a", "b"]'
  reconciler run workflows/all.yaml --name churn

\b
Exit codes: 0 the run succeeded; 1 it did not, or the definition is wrong; 2 wrong usage;
130 interrupted: its steps were stopped first.
"""

RUNS = ".reconciler/runs"


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--name", "workflow", metavar="WORKFLOW", help="Which one, where FILE defines several.")
@with_output()
@with_settings
def command(
    settings: Settings, file: Path, parameters: tuple[str, ...], workflow: str | None, output: str
) -> int:
    """Run one definition of the working tree, here and now: without a commit, without the ledger.

    Takes files as they are in the working tree. What the run leaves lies in a new directory below
    .reconciler/runs at the root of the checkout, which git does not see.
    """
    given = _given(parameters)
    root = root_around(file)
    directory = root / RUNS / _moment()
    with stop_on_signals() as stopped:
        with (
            watching(settings) as watch,
            composition.open_rehearsal(settings, root, directory, watch) as edges,
        ):
            definition = _definition(settings, edges, inside(root, file), workflow)
            values = rehearsal.parse_parameters(definition, given)
            _shield(root / RUNS)
            run = rehearsal.rehearse(edges, definition, values, watch.between(stopped))
            if run.phase is Phase.SUCCEEDED:
                edges.executor.release(run.id)
            addresses = links(edges.store.link, run)
        _print(run, directory, addresses, output)
        if run.phase is Phase.SUCCEEDED:
            return EXIT_DONE
        return EXIT_INTERRUPTED if stopped() else EXIT_FAILED


def _given(parameters: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in parameters]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise click.UsageError(f"-p takes NAME=VALUE, not '{wrong[0]}'.")
    return {name: value for name, _, value in pairs}


def _definition(settings: Settings, edges: Edges, path: str, name: str | None) -> Definition:
    """The definition to run; ReconcilerError where it cannot be, once every problem is told."""
    found = rehearsal.find(edges, path, composition.limits(settings))
    for problem in found.problems:
        remark(str(problem), "yellow" if problem.severity is Severity.WARNING else "red")
    if any(problem.severity is Severity.ERROR for problem in found.problems):
        raise ReconcilerError("The definition cannot run as it is.")
    if not found.definitions:
        raise ReconcilerError(
            f"No workflow is defined in {path}.", hint="A file that git ignores is not read."
        )
    if name is None and len(found.definitions) > 1:
        raise click.UsageError(f"{path} defines {', '.join(found.definitions)}: choose one by --name.")
    chosen = name or next(iter(found.definitions))
    if chosen not in found.definitions:
        guess = did_you_mean(chosen, found.definitions)
        raise click.UsageError(f"{path} does not define '{chosen}'.{guess}")
    return found.definitions[chosen]


def _moment() -> str:
    return composition.clock().strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]


def _shield(runs: Path) -> None:
    """Keep what runs leave out of sight of git, whatever the repository's own .gitignore says."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        (runs / ".gitignore").write_text("*\n")
    except OSError as error:
        raise ReconcilerError(f"Cannot write below {runs}: {error.strerror}.") from error


def _print(run: Run, directory: Path, addresses: Mapping[str, str], output: str) -> None:
    if output == "json":
        print_document(record.to_record(run, addresses))
        return
    print_text("")
    print_run(run)
    print_failures(run)
    print_text(f"\nartifacts, logs{'' if run.phase is Phase.SUCCEEDED else ' and working directories'}:")
    print_text(f"  {os.path.relpath(directory)}")
