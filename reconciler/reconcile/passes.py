"""One pass: from pull to push, within a time budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.errors import GitError, GitUnavailable, LeaseLost, ReconcilerError, StateError
from reconciler.model.run import Run
from reconciler.reconcile import catalog, events, publishing, recovery, starting
from reconciler.reconcile.edges import Edges, Remote
from reconciler.reconcile.engine import Engine

MOST_ERRORS = 100
"""How many of the last errors are kept; an endless pass may meet any number."""

LONGEST_WAIT = 1.0
"""Seconds after which a pass looks around even if no executor reported anything, and hears a signal."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a pass may take and how often it talks to the remote; seconds.

    One that is `endless` ends by a signal only; `max_starts` then counts for each look at the branch.
    """

    total: float = 600.0
    fetch_every: float = 15.0
    publish_every: float = 10.0
    max_starts: int = 1_000
    endless: bool = False


@dataclass(slots=True)
class Summary:
    """What a pass did; `errors` are edges that failed while the rest went on."""

    revision: str | None = None
    started: int = 0
    published: int = 0
    open_runs: int = 0
    postponed: bool = False
    errors: deque[ReconcilerError] = field(default_factory=lambda: deque(maxlen=MOST_ERRORS))

    @property
    def is_quiet(self) -> bool:
        """Whether the same pass, at the same revision, would do nothing."""
        return not (self.open_runs or self.errors or self.postponed)


def run_pass(
    edges: Edges,
    remote: Remote,
    folder: str,
    limits: catalog.Limits,
    budget: Budget,
    stopped: Callable[[], bool] = lambda: False,
    turned: Callable[[], None] = lambda: None,
) -> Summary:
    """Pull, start what is due, carry every open run on until nothing moves or the budget ends, publish.

    `stopped` says whether a signal came, and `turned` is called after every turn.
    """
    each = _Pass(edges, remote, folder, limits, budget)
    each.catch_up()
    each.adopt(_open_runs(edges, remote))
    end = edges.clock() + timedelta(seconds=budget.total)
    while True:
        now = edges.clock()
        each.turn(now)
        turned()
        if stopped() or (not budget.endless and (each.engine.is_idle or now >= end)):
            break
        edges.executor.wait(each.patience(end))
    each.publish()
    each.summary.open_runs = edges.state.open_count()
    return each.summary


def _open_runs(edges: Edges, remote: Remote) -> list[Run]:
    try:
        return recovery.open_runs(edges)
    except (GitError, GitUnavailable):
        remote.fetch()  # where the source cannot be reached either, that is what must be told
        raise


class _Pass:
    """The work of one pass; errors of one edge never keep the others from their work."""

    def __init__(
        self, edges: Edges, remote: Remote, folder: str, limits: catalog.Limits, budget: Budget
    ) -> None:
        self.engine = Engine(edges)
        self.summary = Summary()
        self._edges = edges
        self._remote = remote
        self._folder = folder
        self._limits = limits
        self._budget = budget
        self._next_fetch = edges.clock()
        self._next_publish = edges.clock() + timedelta(seconds=budget.publish_every)

    def catch_up(self) -> None:
        """Learn from the ledger what this state may have missed; a copy of one must, before anything else."""
        if self._edges.is_copy:
            recovery.catch_up(self._edges)
        else:
            self._guarded(lambda: recovery.catch_up(self._edges))

    def adopt(self, runs: Sequence[Run]) -> None:
        """Carry on what an earlier pass began."""
        self.engine.adopt(runs)
        for run in runs:
            text = f"{run.title}: in flight, carried on"
            self._edges.notify(events.Event(events.Kind.RUN_CARRIED_ON, text, run))

    def turn(self, now: datetime) -> None:
        """Look at the remote if it is time, tick, publish if it is time."""
        if now >= self._next_fetch:
            self._next_fetch = now + timedelta(seconds=self._budget.fetch_every)
            self._guarded(lambda: self._sync(now))
        self.engine.tick(now)
        if now >= self._next_publish:
            self._next_publish = now + timedelta(seconds=self._budget.publish_every)
            self.publish()

    def publish(self) -> None:
        self._guarded(self._publish)

    def patience(self, end: datetime) -> float:
        """Seconds to wait for the executor before something else is due."""
        times = [self._next_fetch, self._next_publish]
        times += [] if self._budget.endless else [end]
        wake = self.engine.next_wake()
        times += [wake] if wake is not None else []
        seconds = (min(times) - self._edges.clock()).total_seconds()
        return min(max(seconds, 0.0), LONGEST_WAIT)

    def _publish(self) -> None:
        self.summary.published += publishing.publish(self._edges)

    def _sync(self, now: datetime) -> None:
        """Bring the catalog to the tip of the branch and start what is due."""
        revision = self._remote.fetch() or self._edges.state.catalog_revision()
        if revision is None:
            self._warn("the branch does not exist yet; nothing to do until somebody pushes")
            return
        self._edges.accept(revision)
        self.summary.revision = revision
        self._update(revision)
        room = self._budget.max_starts - (0 if self._budget.endless else self.summary.started)
        started = starting.start_due(self._edges, self.engine, revision, now, room)
        self.summary.started += started.count
        self.summary.postponed = started.postponed
        self.summary.errors += started.errors

    def _update(self, revision: str) -> None:
        update = catalog.refresh(self._edges.source, self._edges.state, revision, self._folder, self._limits)
        if update is None:
            return
        for problems in update.problems_set.values():
            for problem in problems:
                self._edges.notify(events.Event(events.Kind.PROBLEM, str(problem)))
        if update.workflows_gone and not self._edges.state.entries():
            self._warn(
                f"no workflow is left at {revision[:12]}: {len(update.workflows_gone)} were deleted, or are "
                "in a file with problems; runs in flight go on, nothing is cancelled"
            )

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do `work`; an error of the world is told and kept, and the pass goes on."""
        try:
            work()
        except (StateError, LeaseLost):
            raise
        except ReconcilerError as error:
            self.summary.errors.append(error)
            self._warn(str(error))

    def _warn(self, text: str) -> None:
        self._edges.notify(events.Event(events.Kind.WARNING, text))
