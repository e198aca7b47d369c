"""The composition root: builds every edge from the settings, and reads the clock. Nobody else does either."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler import branches, quiet, turn
from reconciler.artifacts import ArtifactStore, S3Access, open_store
from reconciler.executors.base import Executor
from reconciler.executors.configured import make_executor
from reconciler.executors.fenced import FencedExecutor
from reconciler.executors.local.secrets import known_values
from reconciler.git.ledger import Identity, LedgerBranch
from reconciler.git.repository import Repository
from reconciler.memory import current_state, fetch_state, snapshots
from reconciler.memory import has_state as has_state
from reconciler.memory import open_state as open_state
from reconciler.memory import remove_state as remove_state
from reconciler.memory import scratch_state as scratch_state
from reconciler.memory import state_path as state_path
from reconciler.reconcile import catalog, events, passes, recovery, starting
from reconciler.reconcile.edges import Edges
from reconciler.reconcile.heartbeat import Heartbeat
from reconciler.reconcile.snapshots import Snapshots
from reconciler.settings import Secret, Settings, read_secret, require
from reconciler.state.store import State

LOOK_EVERY = timedelta(minutes=10)
REMOVALS = 5
"""How often what is left is looked for while everything is removed."""


def clock() -> datetime:
    """The time, to the millisecond that records keep."""
    now = datetime.now(UTC)  # noqa: TID251 - here the clock is read, for everybody
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def run_pass(settings: Settings, notify: events.Notify, stopped: Callable[[], bool]) -> passes.Summary:
    """One pass under the lock; notes at its end whether the next one will find anything to do."""
    require(settings, "repository.url")
    with turn.taken(settings) as ours:
        is_fetched = quiet.has_fetched()
        with open_edges(settings, notify, ours, expecting=is_fetched) as (edges, remote):
            folder = settings.repository.path
            copies = snapshots(settings, edges.store, ours)
            turned = _between_turns(settings, edges.state, copies, ours)
            summary = passes.run_pass(
                edges,
                _Fetched(remote, is_fetched),
                folder,
                limits(settings),
                budget(settings),
                stopped,
                turned,
            )
            if copies is not None:
                copies.keep(edges.state, Path(settings.own_directory), clock(), last=True)
            due = _next_look(settings, edges)
        if summary.is_quiet and summary.revision is not None:
            quiet.remember(settings, summary.revision, due.timestamp() if due else None)
        return summary


def _next_look(settings: Settings, edges: Edges) -> datetime | None:
    """Until when a pass that found nothing to do will find nothing again.

    In a cluster another layout of shards may leave runs behind that only a real pass sees; so one looks
    now and then, whatever this machine remembers.
    """
    due = starting.next_due(edges, clock())
    if settings.executor.name != "kubernetes":
        return due
    look = clock() + LOOK_EVERY
    return min(due, look) if due else look


def _between_turns(
    settings: Settings, state: State, copies: Snapshots | None, ours: turn.Turn
) -> Callable[[], None]:
    """What is done after every turn of a pass: it still has its turn, gives a sign of life, keeps a copy."""
    directory = Path(settings.own_directory)
    alive = Heartbeat(directory / "heartbeat") if settings.pass_.forever else None

    def turned() -> None:
        ours.check()
        if alive is not None:
            alive.beat(clock())
        if copies is not None:
            copies.keep(state, directory, clock())

    return turned


class _Fetched:
    """The branch, without fetching again what the look for a quiet pass has just brought."""

    def __init__(self, remote: Repository, is_fresh: bool) -> None:
        self._remote = remote
        self._is_fresh = is_fresh

    def fetch(self) -> str | None:
        tip = self._remote.tip() if self._is_fresh else None
        self._is_fresh = False
        return tip or self._remote.fetch()


def rebuild(settings: Settings, notify: events.Notify) -> tuple[int, int]:
    """Make the database anew: how many runs came from the ledger, and how many are in flight.

    The ledger is asked first, so that the old database is still there when it cannot be reached.
    """
    require(settings, "repository.url")
    with turn.taken(settings, "reconciler rebuild") as ours:
        open_ledger(settings).fetch()
        remove_state(settings)
        with open_edges(settings, notify, ours) as (edges, _):
            return recovery.rebuild(edges), len(recovery.open_runs(edges))


def collect(settings: Settings, notify: events.Notify) -> int:
    """Have the executor let go of what nobody needs any more; returns how many runs are in flight."""
    with turn.taken(settings, "reconciler gc") as ours, open_edges(settings, notify, ours) as (edges, _):
        return len(recovery.open_runs(edges))


def remove_runs(settings: Settings) -> int:
    """Take away every run that the executor keeps, also those in flight, whatever became of them, and what
    passes took turns by; returns how many runs that were."""
    removed: set[str] = set()
    with turn.taken(settings, "reconciler gc --everything") as ours, open_executor(settings) as (_, executor):
        for _ in range(REMOVALS):
            found = [run.id for run in executor.survey()]
            for run_id in found:
                ours.check()
                executor.release(run_id)
            removed.update(found)
            if not found:
                break
    turn.forget(settings)
    return len(removed)


@contextmanager
def open_edges(
    settings: Settings, notify: events.Notify, ours: turn.Turn, *, expecting: bool = False
) -> Iterator[tuple[Edges, Repository]]:
    """Every edge of a pass, whose turn is `ours`; `expecting` says that it will most likely start steps.

    A database that is damaged, or of another layout, goes; the pass then makes it anew from the ledger.
    """
    with ExitStack() as stack:
        store = open_artifacts(settings)
        is_copy = fetch_state(settings, store, ours)
        state = stack.enter_context(current_state(settings, notify, ours))
        directory = attempts_directory(settings)
        inner = make_executor(settings, store, directory, ours.check, expecting=expecting)
        executor = FencedExecutor(inner, ours.check)
        stack.callback(executor.close)
        source = open_repository(settings)
        edges = Edges(
            source,
            state,
            store,
            executor,
            clock,
            notify,
            open_ledger(settings, ours.check),
            shard=turn.shard_of(settings),
            is_copy=is_copy,
            secrets=_secrets(settings),
            blob_bytes=settings.limits.blob_bytes,
            accept=_acceptance(settings, source),
        )
        yield edges, source


@contextmanager
def open_rehearsal(settings: Settings, root: Path, directory: Path, notify: events.Notify) -> Iterator[Edges]:
    """Edges to try a definition of the working tree at `root`; whatever is left lies below `directory`."""
    from reconciler.git.worktree import Worktree  # a pass never looks at one

    with ExitStack() as stack:
        store = _rehearsal_store(settings, directory)
        executor = make_executor(settings, store, directory / "attempts")
        stack.callback(executor.close)
        state = stack.enter_context(scratch_state())
        yield Edges(Worktree(root), state, store, executor, clock, notify)


def _rehearsal_store(settings: Settings, directory: Path) -> ArtifactStore:
    """A directory of its own; pods can reach none of this machine."""
    if settings.executor.name == "kubernetes":
        return open_artifacts(settings)
    return open_store((directory / "artifacts").as_uri())


@contextmanager
def open_executor(settings: Settings) -> Iterator[tuple[ArtifactStore, Executor]]:
    """Store and executor, for who only looks."""
    store = open_artifacts(settings)
    executor = make_executor(settings, store, attempts_directory(settings))
    try:
        yield store, executor
    finally:
        executor.close()


def attempts_directory(settings: Settings) -> Path:
    return Path(settings.state.directory) / "attempts"


def open_repository(settings: Settings) -> Repository:
    require(settings, "repository.url")
    return Repository(
        branches.source_directory(settings),
        branches.source_access(settings),
        blob_limit=settings.limits.blob_bytes,
    )


@contextmanager
def open_fleeting_repository(settings: Settings) -> Iterator[Repository]:
    """The repository by a clone that ends with the block: who only looks leaves the clone of a pass alone."""
    from tempfile import TemporaryDirectory  # not needed by a pass, and not cheap

    require(settings, "repository.url")
    with TemporaryDirectory(prefix="reconciler-") as directory:
        access, limit = branches.source_access(settings), settings.limits.blob_bytes
        yield Repository(f"{directory}/source.git", access, blob_limit=limit)


def open_ledger(settings: Settings, allow: Callable[[], None] = lambda: None) -> LedgerBranch:
    """Where run results are committed; `allow` is asked before each push."""
    ledger = settings.ledger
    identity = Identity(ledger.author_name, ledger.author_email)
    clone = quiet.ledger_clone(settings)
    return LedgerBranch(clone.directory, clone.access, identity, clone=clone, allow=allow)


def open_artifacts(settings: Settings) -> ArtifactStore:
    """The artifact store; connects to nothing yet."""
    store = settings.store
    access_key = read_secret(store.access_key, store.access_key_file)
    secret_key = read_secret(store.secret_key, store.secret_key_file)
    if access_key is None or secret_key is None:
        return open_store(store.url)
    access = S3Access(
        endpoint=store.endpoint,
        bucket="",
        access_key=access_key.reveal(),
        secret_key=secret_key.reveal(),
        region=store.region,
        secure=store.secure,
        public_url=store.public_url,
    )
    return open_store(store.url, access)


def limits(settings: Settings) -> catalog.Limits:
    return catalog.Limits(files=settings.limits.files, file_bytes=settings.limits.file_bytes)


def budget(settings: Settings) -> passes.Budget:
    chosen = settings.pass_
    return passes.Budget(
        total=chosen.budget,
        fetch_every=chosen.fetch_interval,
        publish_every=chosen.publish_interval,
        max_starts=chosen.max_starts,
        endless=chosen.forever,
    )


def _acceptance(settings: Settings, source: Repository) -> Callable[[str], None]:
    signers = settings.repository.verify_signers
    return (lambda revision: source.verify(revision, signers)) if signers else (lambda revision: None)


def _secrets(settings: Settings) -> tuple[str, ...]:
    """The credentials of this pass and of its steps, as far as they can be read now."""
    store = settings.store
    keys = [
        read_secret(store.access_key, store.access_key_file),
        read_secret(store.secret_key, store.secret_key_file),
    ]
    for token_file in (settings.repository.token_file, settings.ledger.token_file):
        with suppress(OSError, ValueError):  # git will say what is wrong with it
            keys.append(Secret(Path(token_file).read_text("utf-8").strip()))
    of_steps = known_values(settings.executor.secrets, os.environ)
    return (*(key.reveal() for key in keys if key is not None), *of_steps)
