"""The outside world as one pass sees it: a value that holds every edge, made by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.artifacts.base import ArtifactStore
from reconciler.core.shard import ALL, Shard
from reconciler.executors.base import Executor
from reconciler.git.ledger import LedgerBranch
from reconciler.git.tree import TreeEntry
from reconciler.reconcile.events import Notify
from reconciler.state.store import State


class Source(Protocol):
    """Where definitions and the files of steps come from: a bare clone, or a plain directory."""

    def entries(self, revision: str) -> Iterator[TreeEntry]:
        """Every entry of the tree, those that may not be used flagged, not left out."""

    def changes(self, base: str, revision: str, most: int) -> list[TreeEntry] | None:
        """What is not the same at both revisions, as it is at `revision`; None where only a list tells, or
        where that is more than `most`."""

    def read(self, blobs: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | None]]:
        """The content of each blob, in any order; None where it is missing or larger than `limit` bytes."""


class Remote(Protocol):
    """A branch somewhere else."""

    def fetch(self) -> str | None:
        """The revision at the tip of the branch; None when there is no such branch (yet)."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Everything that a pass acts through. `clock` is the only source of time."""

    source: Source
    state: State
    store: ArtifactStore
    executor: Executor
    clock: Callable[[], datetime]
    notify: Notify
    ledger: LedgerBranch | None = None
    shard: Shard = ALL
    """Which workflows are this pass's to start, carry on and publish."""
    is_copy: bool = False
    """Whether the state came from a copy, which may be old."""
    secrets: Sequence[str] = ()
    """What must not appear in anything that is published: the credentials of the pass."""
    blob_bytes: int = 32 * 1024 * 1024
    """The largest file of the repository that a step can take along."""
    accept: Callable[[str], None] = lambda revision: None
    """Raises GitError for a revision that must not be carried out: one that nobody trusted has signed."""
