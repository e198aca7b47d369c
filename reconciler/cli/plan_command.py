"""`reconciler plan`: what would run, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click

from reconciler import composition
from reconciler.cli.checkouts import root_around
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import print_json, print_table, print_text
from reconciler.cli.recorded import recorded
from reconciler.errors import ReconcilerError
from reconciler.git.checkout import Checkout
from reconciler.model.problem import Severity
from reconciler.model.run import StartRun
from reconciler.reconcile import catalog, preview
from reconciler.reconcile.edges import Source
from reconciler.reconcile.preview import Preview
from reconciler.settings import Settings
from reconciler.state.store import State

EPILOG = """\b
Examples:
  reconciler plan                           what the next pass would start, at the tip of the branch
  reconciler plan --working-tree            what would start if what lies here were pushed
  reconciler plan --revision next           a branch, a tag or a commit
  reconciler plan --working-tree --base main    what this change does, whatever has run: for reviews
"""

WORKING_TREE = "working-tree"


@click.command(epilog=EPILOG)
@click.option("--revision", metavar="R", help="A commit, branch or tag, instead of the tip of the branch.")
@click.option("--working-tree", is_flag=True, help="The files as they lie here.")
@click.option("--base", metavar="R", help="Compare with the definitions at R, instead of with what has run.")
@with_output()
@with_settings
def command(
    settings: Settings, revision: str | None, working_tree: bool, base: str | None, output: str
) -> None:
    """Say what would run, and why: new, definition changed (where), a file that a step takes along, due.

    Looks at the branch of the settings; without settings, and with --working-tree, at the checkout around the
    current directory. Changes nothing. Workflows with problems are told, and never keep others from running.
    """
    if working_tree and revision:
        raise click.UsageError("--revision and --working-tree exclude each other.")
    with _place(settings, working_tree, revision) as place, composition.scratch_state() as scratch:
        _read(settings, place.source, place.revision, scratch)
        found = _compare(settings, place, scratch, base)
    if output == "json":
        _print_json(place, base, found)
    else:
        _print(place, base, found)


class Revisions(Source, Protocol):
    """A source that knows revisions by name."""

    def resolve(self, name: str) -> str:
        """The commit that a person means."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What is looked at: `name` for people, `revision` for the records, and how to find other revisions."""

    name: str
    revision: str
    source: Source
    revisions: Revisions


@contextmanager
def _place(settings: Settings, working_tree: bool, revision: str | None) -> Iterator[_Place]:
    with ExitStack() as stack:
        if settings.repository.url and not working_tree:
            branch = settings.repository.branch
            repository = stack.enter_context(composition.open_fleeting_repository(settings))
            found = repository.resolve(revision) if revision else repository.fetch()
            if found is None:
                raise ReconcilerError(f"There is no branch '{branch}' in {repository.access.url}.")
            yield _Place(f"{revision or branch} ({found[:12]})", found, repository, repository)
            return
        root = root_around(Path())
        checkout = Checkout(root)
        if revision:
            found = checkout.resolve(revision)
            yield _Place(f"{revision} ({found[:12]})", found, checkout, checkout)
        else:
            from reconciler.git.worktree import Worktree  # brings GitPython, which `--help` spares

            yield _Place("the working tree", WORKING_TREE, Worktree(root), checkout)


def _read(settings: Settings, source: Source, revision: str, into: State) -> None:
    catalog.refresh(source, into, revision, settings.repository.path, composition.limits(settings))


def _compare(settings: Settings, place: _Place, scratch: State, base: str | None) -> Preview:
    now = composition.clock()
    if base is not None:
        with composition.scratch_state() as other:
            found = place.revisions.resolve(base)
            _read(settings, place.revisions, found, other)
            return preview.against_base(scratch, other, place.revision, now)
    if not composition.has_state(settings):
        with composition.scratch_state() as nothing:
            return preview.against_state(scratch, nothing, place.revision, now)
    with recorded(settings) as state:
        return preview.against_state(scratch, state, place.revision, now)


def _print(place: _Place, base: str | None, found: Preview) -> None:
    against = f" against {base}" if base else ""
    counts = f"{len(found.starts)} would start, {len(found.unchanged)} unchanged"
    waiting = f", {len(found.waiting)} waiting" if found.waiting else ""
    print_text(f"{place.name}{against}: {counts}{waiting}")
    rows = [("+", _title(each, base), each.because) for each in found.starts]
    rows += [("=", name, "unchanged") for name in found.unchanged]
    rows += [(".", name, why) for name, why in found.waiting.items()]
    rows += [("~", name, "suspended") for name in found.suspended]
    rows += [("-", name, "gone; what is in flight goes on") for name in found.gone]
    print_table(rows, indent="  ")
    for problem in found.problems:
        print_text(f"  ! {problem}", "yellow" if problem.severity is Severity.WARNING else "red")


def _title(each: StartRun, base: str | None) -> str:
    name = each.definition.workflow.name
    return name if base else f"{name} #{each.number}"


def _print_json(place: _Place, base: str | None, found: Preview) -> None:
    from reconciler.definition import report

    print_json(
        "Plan",
        revision=place.revision,
        base=base,
        starts=[_entry(each) for each in found.starts],
        unchanged=list(found.unchanged),
        waiting=[{"workflow": name, "because": why} for name, why in found.waiting.items()],
        suspended=list(found.suspended),
        gone=list(found.gone),
        problems=[report.to_object(problem) for problem in found.problems],
    )


def _entry(each: StartRun) -> dict[str, Any]:
    return {
        "workflow": each.definition.workflow.name,
        "number": each.number,
        "path": each.definition.path,
        "digest": each.definition.digest,
        "trigger": {"kind": str(each.trigger.kind), "detail": each.trigger.detail},
        "reasons": each.because.split("; "),
    }
