"""Commits finished runs to the ledger, and lets go of what was kept for them.

What is published is derived from the state: a push that did not get through costs nothing, because the
next one makes the same commits again, without those that the branch turns out to hold already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reconciler.git.ledger import LedgerBranch, LedgerTip
from reconciler.ledger import commits, mask, record, trailers
from reconciler.model.ledger import LedgerCommit
from reconciler.model.run import Artifact, Run
from reconciler.reconcile import events, ground, standing
from reconciler.reconcile.edges import Edges

BATCH = 1_000
"""Commits in one push."""

READ_UP_TO = "ledger.read"
"""Where the state remembers the commit up to which it knows the ledger."""


def publish(edges: Edges) -> int:
    """Push one commit for each finished run that is not in the ledger; returns how many that were."""
    total = 0
    while edges.ledger is not None and (runs := edges.state.unpublished(BATCH)):
        _push(edges, edges.ledger, runs)
        total += len(runs)
        for run in runs:
            edges.executor.release(run.id)
    return total


def _push(edges: Edges, branch: LedgerBranch, runs: Sequence[Run]) -> None:
    """One push; runs that the branch already holds are marked, not committed again."""
    known = edges.state.meta(READ_UP_TO)
    there: dict[str, str] = {}
    pushed: list[Run] = []
    shown = commits.Tip()

    def build(tip: LedgerTip) -> Iterator[LedgerCommit]:
        nonlocal shown
        there.clear()
        there.update(_present(branch, known))
        pushed[:] = [run for run in runs if run.id not in there]
        records = [_record(edges, run) for run in pushed]
        before = ground.survey(edges.state, branch, tip, {run.name for run in pushed})
        shown = before.after(records)
        return commits.each_commit(records, before, shown, branch.branch)

    result = branch.publish(build)
    there.update({run.id: commit for run, commit in zip(pushed, result.commits, strict=True)})
    edges.state.mark_published({run.id: there[run.id] for run in runs})
    if result.tip is not None:
        edges.state.set_meta(READ_UP_TO, result.tip)
        page = shown.overview if pushed else None
        standing.remember(edges.state, result.tip, shown.entries.values(), page)
    text = f"{len(pushed)} run{'s' if len(pushed) != 1 else ''} committed to {branch.branch}"
    edges.notify(events.Event(events.Kind.PUBLISHED, text))


def _present(branch: LedgerBranch, known: str | None) -> dict[str, str]:
    """Runs that the ledger holds beyond `known`, by id, with their commits."""
    present: dict[str, str] = {}
    for entry in branch.messages(known):
        run = trailers.parse(entry.message)
        if run is not None:
            present[run.id] = entry.commit
    return present


def _record(edges: Edges, run: Run) -> record.Record:
    """What is committed of a run; a secret of ours that a step got hold of does not leave by this door."""
    return mask.masked(record.to_record(run, links(edges.store.link, run)), edges.secrets)


def links(link: Callable[[str], str], run: Run) -> dict[str, str]:
    """An address for everything that the run left in the store, by key."""
    kept: list[Artifact] = []
    for step in run.steps.values():
        for attempt in step.attempts:
            kept += attempt.outputs.artifacts.values()
            kept += [attempt.log] if attempt.log else []
    return {artifact.key: link(artifact.key) for artifact in kept}
