"""Shards of a cluster: each holds a Lease of its own, and those of two layouts are never at work together.

A pass first takes its Lease, then looks for live ones of another number of shards, and gives way if there
is any. As each takes before it looks, of two passes at least one sees the other. A further object keeps the
layout that was last at work, with its generation.
"""

from __future__ import annotations

import time

from reconciler.core.shard import Layout, Shard
from reconciler.errors import ExecutorUnavailable, LockHeld
from reconciler.executors.kubernetes.lease import DURATION, Lease, Leases, described, is_live, new

GROUP, SHARDS = "reconciler.dev/lease", "reconciler.dev/shards"
LAYOUT = "reconciler.dev/layout"
_MANAGED = {"app.kubernetes.io/managed-by": "reconciler"}
_TRIES = 5


class ShardLease:
    """The Lease of one shard, among those that are named after `group`."""

    def __init__(
        self, leases: Leases, group: str, shard: Shard, holder: str, *, duration: float = DURATION
    ) -> None:
        self._leases = leases
        self._group = group
        self._count = shard.count
        labels = {**_MANAGED, GROUP: group, SHARDS: str(shard.count)}
        name = f"{group}-{shard.index}-of-{shard.count}"
        self._lease = Lease(leases, name, holder, duration=duration, labels=labels)
        self.check = self._lease.check

    def acquire(self) -> Layout:
        """Take it; the layout that is at work from now on. LockHeld while that cannot be ours."""
        self._lease.acquire()
        try:
            self._give_way()
            return self._layout()
        except BaseException:
            self._lease.release()
            raise

    def release(self) -> None:
        self._lease.release()

    def _give_way(self) -> None:
        now = time.time()
        for other in self._leases.select({GROUP: self._group}):
            count = other["metadata"].get("labels", {}).get(SHARDS)
            if count is not None and count != str(self._count) and is_live(other, now):
                raise LockHeld(
                    f"a pass of another layout is at work: {described(other)}, one of {count} shards, "
                    f"and this pass is one of {self._count}",
                    hint="Wait for it to end, and give all passes the same pass.shards.",
                )

    def _layout(self) -> Layout:
        """What the object tells, after making it ours; passes of this layout may do that all at once."""
        name = f"{self._group}-layout"
        for _ in range(_TRIES):
            body = self._leases.read(name)
            if body is None:
                layout = Layout(self._count)
                labels, marks = {**_MANAGED, GROUP: self._group}, {LAYOUT: str(layout)}
                made = new(name, {}, labels)
                made["metadata"]["annotations"] = marks
                if self._leases.create(made) is not None:
                    return layout
                continue
            metadata = body["metadata"]
            found = Layout.parse(metadata.get("annotations", {}).get(LAYOUT, "")) or Layout(0, 0)
            if found.count == self._count:
                return found
            layout = found.changed_to(self._count)
            metadata["annotations"] = {**metadata.get("annotations", {}), LAYOUT: str(layout)}
            if self._leases.replace(body) is not None:
                return layout
        raise ExecutorUnavailable(f"the Lease {self._leases.namespace}/{name} changes all the time")


def remove(leases: Leases, group: str) -> None:
    """Every Lease that is named after `group`, and the layout."""
    for body in leases.select({GROUP: group}):
        leases.delete(body["metadata"]["name"])
