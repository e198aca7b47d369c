"""What is known of each attempt, from the moment it is to be launched until its run is let go of.

Written by the pass, by the watcher and by the workers, each under the one lock; a short word under it, never
a request. `observe` reads it and asks nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciler.executors.kubernetes import judge, names
from reconciler.executors.kubernetes.logs import Log
from reconciler.executors.kubernetes.view import PodView
from reconciler.model.run import AttemptKey, Observation, Status

GATHER = 0.03
"""Seconds that news may wait for more, so that a burst of events costs one turn of the pass."""


@dataclass(slots=True, eq=False)
class Record:
    """One attempt. `posted` is when its pod was made, on the monotonic clock, by this process; `put_off` why
    it could not be made now, `refused_since` since when; `asked` whether the pass cares about its end;
    `held_at` when a gate was last seen to hold its pod back."""

    key: AttemptKey
    view: PodView | None = None
    seen: Observation | None = None
    launching: bool = False
    posted: float | None = None
    put_off: str = ""
    refused_since: float | None = None
    asked: bool = False
    finishing: bool = False
    stopping: bool = False
    unwanted: bool = False
    looked_at: float = 0.0
    held_at: datetime | None = None
    followed: Log | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is there and nothing is on its way: it was put off, or only asked about."""
        return self.view is None and self.seen is None and not self.launching

    @property
    def has_ended(self) -> bool:
        return self.seen is not None and self.seen.status is Status.ENDED


class Records:
    """Attempts by key. `ended` is called (outside of the lock) for an asked-for attempt whose pod is over,
    `ending` for one that runs while its pod is being deleted."""

    def __init__(self, ended: Callable[[Record], None], ending: Callable[[Record], None]) -> None:
        self.lock = threading.Condition()
        self._ended = ended
        self._ending = ending
        self._records: dict[AttemptKey, Record] = {}
        self._runs: dict[str, dict[AttemptKey, Record]] = {}
        self._released: set[str] = set()
        self._has_news = False
        self._changed: set[AttemptKey] = set()
        self._woken = 0.0

    def get(self, key: AttemptKey) -> Record | None:
        return self._records.get(key)

    def of_run(self, run_id: str) -> list[Record]:
        with self.lock:
            return list(self._runs.get(run_id, {}).values())

    def all(self) -> Iterator[Record]:
        with self.lock:
            return iter(list(self._records.values()))

    def add(self, key: AttemptKey) -> Record:
        """The record of this attempt, made if need be; the caller holds the lock."""
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = Record(key)
            self._runs.setdefault(key.run_id, {})[key] = record
        return record

    def drop(self, record: Record) -> None:
        """Forget an attempt of which there is nothing in the cluster."""
        with self.lock:
            self._forget(record)
            self._tell()

    def release(self, run_id: str) -> list[Record]:
        """Forget a run; what the cluster still says of its pods is not heard any more."""
        with self.lock:
            found = list(self._runs.pop(run_id, {}).values())
            for record in found:
                self._records.pop(record.key, None)
                self._changed.add(record.key)
                if record.view is None or not record.view.gone:
                    self._released.add(names.pod_name(record.key))
            return found

    def settle(self, record: Record, seen: Observation) -> None:
        """The last word on an attempt."""
        with self.lock:
            record.seen = seen
            self._changed.add(record.key)
            self._tell()

    def put_off(self, record: Record, why: str) -> None:
        """It could not be launched now; the pass is told when it tries again."""
        with self.lock:
            record.launching, record.put_off = False, why
            record.refused_since = record.refused_since or time.monotonic()
            self._changed.add(record.key)
            self._tell()

    def changed(self, view: PodView) -> None:
        """A pod is not what it was; also for one that is gone."""
        note = view.note
        if note is None or names.pod_name(note.key) != view.name:
            return  # nobody's, whatever its labels say
        with self.lock:
            if view.name in self._released:
                self._released -= {view.name} if view.gone else set()
                return
            record = self.add(note.key)
            was_ending = record.view is not None and record.view.asked_to_end is not None
            record.view = view
            self._changed.add(record.key)
            if view.gone and not record.asked:
                self._forget(record)
                return
            over = judge.has_ended(view)
            if not over and not record.has_ended:
                self._observe(record, judge.under_way(view, note))
        if over and record.asked:
            self._ended(record)
        elif not over and view.asked_to_end is not None and not was_ending:
            self._ending(record)

    def wait(self, timeout: float) -> None:
        """Return when there are news, and a moment for more to join them has passed."""
        deadline = time.monotonic() + timeout
        with self.lock:
            while not self._has_news and (left := deadline - time.monotonic()) > 0:
                self.lock.wait(left)
            if not self._has_news:
                return
        rest = self._woken + GATHER - time.monotonic()
        if rest > 0:
            threading.Event().wait(min(rest, GATHER, max(0.0, deadline - time.monotonic())))

    def heard(self) -> set[AttemptKey]:
        """The pass looks now; what comes later is news. The attempts that changed since it looked before;
        the caller holds the lock."""
        self._has_news = False
        self._woken = time.monotonic()
        changed, self._changed = self._changed, set()
        return changed

    def ring(self) -> None:
        """Wake whoever waits."""
        with self.lock:
            self._tell()

    def _observe(self, record: Record, seen: Observation) -> None:
        if seen != record.seen:
            record.seen = seen
            self._tell()

    def _tell(self) -> None:
        self._has_news = True
        self.lock.notify_all()

    def _forget(self, record: Record) -> None:
        self._changed.add(record.key)
        self._records.pop(record.key, None)
        run = self._runs.get(record.key.run_id, {})
        run.pop(record.key, None)
        if not run:
            self._runs.pop(record.key.run_id, None)
