"""The Lease of a pass: in a cluster, one at a time works for a shard, and whoever loses it writes no more.

It keeps two passes from doing the same work. That nothing runs twice rests on names that are taken and
pushes that are refused; so a Lease may be late, but a pass must notice when it is. It therefore counts by
a clock that nobody sets, from the moment *before* it asked for the last renewal, and others wait longer
than that: the duration, and what two clocks may differ by.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from reconciler.errors import LeaseLost, LockHeld, ReconcilerError

DURATION = 30.0
SKEW = 5.0
"""Seconds that the clocks of two nodes may differ by."""

_TRIES = 3
Body = dict[str, Any]


class Leases(Protocol):
    """The Leases of one namespace. None is the answer where somebody else was faster."""

    @property
    def namespace(self) -> str:
        """Which one that is."""

    def read(self, name: str) -> Body | None:
        """The object; None where there is none."""

    def create(self, body: Body) -> Body | None:
        """The object as it was made."""

    def replace(self, body: Body) -> Body | None:
        """The object as it is now, if it was still at the resourceVersion of `body`."""

    def select(self, labels: Mapping[str, str]) -> list[Body]:
        """Every object with these labels, as of now."""

    def delete(self, name: str) -> None:
        """Remove the object; none is no error."""


class Lease:
    """The Lease `name`, held by `holder` from `acquire` to `release` and renewed by a thread between them.

    `duration` in seconds is how long it lasts without a renewal.
    """

    def __init__(
        self,
        leases: Leases,
        name: str,
        holder: str,
        *,
        duration: float = DURATION,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._leases = leases
        self._holder = holder
        self._duration = duration
        self._labels = dict(labels or {})
        self._body: Body = {}
        self._until = 0.0
        self._why = "it was never acquired"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease {name}", daemon=True)

    def acquire(self) -> None:
        """Take it, or raise LockHeld at once, naming the holder."""
        for _ in range(_TRIES):
            began = _now()
            body = self._leases.read(self.name)
            if body is not None and is_live(body, time.time()):
                raise LockHeld(
                    f"another pass is at work: {described(body)}",
                    hint="Wait for it to end. The Lease of a pass that died is free a little later.",
                )
            claimed = self._claim(body)
            if claimed is not None:
                self._renewed(claimed, began)
                self._thread.start()
                return
        raise LockHeld(f"another pass is at work: it was faster to take the Lease {self._place}")

    def check(self) -> None:
        """Return while nobody else can hold it; LeaseLost from then on. Costs nothing; call it often."""
        if _now() >= self._until:
            raise LeaseLost(
                f"this pass lost the Lease {self._place} and stops writing: {self._why}",
                hint="What it was at is taken up by the pass that holds the Lease now, or by the next one.",
            )

    def release(self) -> None:
        """Let go, so that the next pass need not wait; what is lost or out of reach is left to expire."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        if _now() < self._until:
            self._until, self._why = 0.0, "it was released"
            spec = {**self._body["spec"], "holderIdentity": ""}
            try:
                self._leases.replace({**self._body, "spec": spec})
            except ReconcilerError:
                return

    @property
    def _place(self) -> str:
        return f"{self._leases.namespace}/{self.name}"

    def _claim(self, body: Body | None) -> Body | None:
        """Write us into it; None where another pass wrote first."""
        now = _text(time.time())
        changed = 0 if body is None else int(body.get("spec", {}).get("leaseTransitions") or 0) + 1
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": max(1, round(self._duration)),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": changed,
        }
        if body is None:
            return self._leases.create(new(self.name, spec, self._labels))
        metadata = {**body["metadata"], "labels": {**body["metadata"].get("labels", {}), **self._labels}}
        return self._leases.replace({**body, "metadata": metadata, "spec": spec})

    def _keep(self) -> None:
        """Renew three times in the time that it lasts, and more often once that fails."""
        pause = self._duration / 3
        while not self._ended.wait(pause):
            try:
                self._renew()
                pause = self._duration / 3
            except LeaseLost as error:
                self._until, self._why = 0.0, error.message
                return
            except ReconcilerError as error:
                self._why = f"it could not be renewed: {error.message}"
                pause = self._duration / 15

    def _renew(self) -> None:
        began = _now()
        for _ in range(_TRIES):
            spec = {**self._body["spec"], "renewTime": _text(time.time())}
            renewed = self._leases.replace({**self._body, "spec": spec})
            if renewed is not None:
                self._renewed(renewed, began)
                return
            found = self._leases.read(self.name)  # our own renewal, whose answer was lost, or another's
            if found is None or found["spec"].get("holderIdentity") != self._holder:
                raise LeaseLost(f"{described(found)} now" if found else "somebody deleted it")
            self._body = found

    def _renewed(self, body: Body, began: float) -> None:
        self._body = body
        self._until = began + self._duration
        self._why = f"it was not renewed for {self._duration:g} s"


def new(name: str, spec: Body, labels: Mapping[str, str]) -> Body:
    """A Lease to create."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": spec,
    }


def is_live(body: Body, now: float) -> bool:
    """Whether somebody may still hold the Lease at `now`, seconds since 1970."""
    spec = body.get("spec") or {}
    if not spec.get("holderIdentity"):
        return False
    renewed = spec.get("renewTime") or spec.get("acquireTime")
    if not renewed:
        return False
    lasts = float(spec.get("leaseDurationSeconds") or DURATION)
    return now < datetime.fromisoformat(renewed).timestamp() + lasts + SKEW


def described(body: Body) -> str:
    """Who holds the Lease, in words."""
    spec, metadata = body.get("spec") or {}, body["metadata"]
    place = f"{metadata.get('namespace', '')}/{metadata['name']}"
    since = f", since {spec['acquireTime']}," if spec.get("acquireTime") else ""
    return f"{spec.get('holderIdentity') or 'nobody'}{since} holds the Lease {place}"


def _text(now: float) -> str:
    """A MicroTime."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _now() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
