"""Takes turns: one pass of a shard works at a time, and those of another layout wait.

On one machine locks of the kernel see to that. In a cluster, where the next pass may run on another node,
a Lease does, and a lock as well, for passes that share a volume. Whoever has the turn asks `check` before
anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler import quiet
from reconciler.core.shard import Layout, Shard
from reconciler.settings import Settings
from reconciler.state import layout

if TYPE_CHECKING:
    from reconciler.executors.kubernetes.lease import Leases


@dataclass(frozen=True, slots=True)
class Turn:
    """The layout that is at work, and `check`, which raises LeaseLost once the turn is over."""

    layout: Layout
    check: Callable[[], None]


def shard_of(settings: Settings) -> Shard:
    return Shard(settings.pass_.shard, settings.pass_.shards)


@contextmanager
def taken(settings: Settings, command: str = "reconciler pass") -> Iterator[Turn]:
    """The turn, until the block ends; LockHeld at once where it is another's."""
    take = _by_lease if settings.executor.name == "kubernetes" else _by_lock
    with quiet.pass_lock(settings, command), take(settings) as turn:
        yield turn


def forget(settings: Settings) -> None:
    """Remove the Leases of all shards, for who leaves the cluster; on one machine nothing is in the way."""
    if settings.executor.name == "kubernetes":
        from reconciler.executors.kubernetes.shards import remove

        remove(_leases(settings), settings.lease.name)


@contextmanager
def _by_lock(settings: Settings) -> Iterator[Turn]:
    with layout.SharedLayout(f"{settings.state.directory}/layout", settings.pass_.shards) as shared:
        yield Turn(shared.join(), lambda: None)


@contextmanager
def _by_lease(settings: Settings) -> Iterator[Turn]:
    from reconciler.executors.kubernetes.shards import ShardLease

    chosen = settings.lease
    holder = f"{os.uname().nodename}_{os.getpid()}_{os.urandom(4).hex()}"
    lease = ShardLease(_leases(settings), chosen.name, shard_of(settings), holder, duration=chosen.duration)
    current = lease.acquire()
    try:
        layout.note(f"{settings.state.directory}/layout", current)
        yield Turn(current, lease.check)
    finally:
        lease.release()


def _leases(settings: Settings) -> Leases:
    from reconciler.executors.kubernetes.leases import ClusterLeases  # brings the client

    return ClusterLeases(
        settings.lease.namespace,
        kubeconfig=settings.kubernetes.kubeconfig,
        context=settings.kubernetes.context,
    )
