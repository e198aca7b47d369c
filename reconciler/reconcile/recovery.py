"""Finds out what is going on when a pass begins: from the state, else from ledger and executor."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core import transition
from reconciler.git.ledger import LedgerBranch
from reconciler.ledger import restore, trailers
from reconciler.model.run import Run
from reconciler.reconcile import events
from reconciler.reconcile.edges import Edges
from reconciler.reconcile.publishing import READ_UP_TO

REBUILT = "rebuilt"
"""Set once the state knows everything that the ledger knew when the database was made."""

CHUNK = 5_000


def open_runs(edges: Edges) -> list[Run]:
    """The runs to carry on, all of them recorded and anchored."""
    if edges.state.meta(REBUILT) is None:
        rebuild(edges)
    found = {run.id: run for run in edges.state.open_runs()}
    anchored: set[str] = set()
    for run in edges.executor.survey():
        if not edges.shard.owns(run.name):
            continue
        anchored.add(run.id)
        if run.id not in found and edges.state.run_by_id(run.id) is None:
            found[run.id] = _recovered(edges, run)
        elif run.id not in found and edges.state.published([run.id]):
            edges.executor.release(run.id)
    for run in found.values():
        if run.id not in anchored:
            edges.executor.anchor(run)
    return [run for run in found.values() if not run.phase.is_terminal]


def catch_up(edges: Edges) -> None:
    """Take in what was published by others since this state was last at work.

    Usually that is nothing. But a state may have been put back from a copy, and then it does not know of runs
    that it began itself; without this it would begin them again.
    """
    if edges.ledger is None or edges.state.meta(REBUILT) is None:
        return
    known = edges.state.meta(READ_UP_TO)
    tip = edges.ledger.fetch()
    if tip.commit is None or tip.commit == known:
        return
    missed = [pair for pair in _finished(edges.ledger, known) if edges.shard.owns(pair[0].name)]
    edges.state.import_finished(missed)
    edges.state.mark_published({run.id: commit for run, commit in missed})
    edges.state.set_meta(READ_UP_TO, tip.commit)


def rebuild(edges: Edges) -> int:
    """Fill an empty state with every run that the ledger knows; returns how many."""
    count = 0
    if edges.ledger is not None:
        tip = edges.ledger.fetch()
        count = _import(edges, edges.ledger)
        if tip.commit is not None:
            edges.state.set_meta(READ_UP_TO, tip.commit)
    edges.state.set_meta(REBUILT, edges.clock().isoformat())
    if count:
        edges.notify(
            events.Event(events.Kind.WARNING, f"no state was found; {count} runs read back from the ledger")
        )
    return count


def _import(edges: Edges, branch: LedgerBranch) -> int:
    count = 0
    batch: list[tuple[Run, str]] = []
    for run, commit in _finished(branch):
        if not edges.shard.owns(run.name):
            continue
        batch.append((run, commit))
        count += 1
        if len(batch) == CHUNK:
            edges.state.import_finished(batch)
            batch = []
    edges.state.import_finished(batch)
    return count


def _finished(branch: LedgerBranch, since: str | None = None) -> Iterator[tuple[Run, str]]:
    """The runs in the ledger beyond a commit, with theirs, oldest first: from record, else from trailers."""
    entries = [entry for entry in branch.messages(since) if trailers.parse(entry.message) is not None]
    records = dict(branch.records(entries))
    for entry in entries:
        try:
            yield restore.from_record(restore.loads(records[entry.commit])), entry.commit
        except (KeyError, ValueError):
            run = trailers.parse(entry.message)
            if run is not None:
                yield run, entry.commit


def _recovered(edges: Edges, anchored: Run) -> Run:
    """A run that only its executor remembers, recorded anew."""
    seen = edges.executor.observe(set(edges.executor.attempts(anchored.id)))
    run = transition.recover(anchored, seen, edges.clock())
    edges.state.record([run])
    edges.notify(
        events.Event(events.Kind.RUN_ADOPTED, f"{run.title}: found without a record, carried on", run)
    )
    return run
