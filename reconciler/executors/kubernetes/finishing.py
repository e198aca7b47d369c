"""The last word on an attempt whose pod is over: its agent's answer read, its log stored.

Also decides, from time to time, that a pod will never start or never stop, and writes that verdict on the
pod itself, so that the next pass tells the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ArtifactNotFound, PermanentError, StoreUnavailable
from reconciler.executors.ending import failed, moment
from reconciler.executors.kubernetes import causes, names
from reconciler.executors.kubernetes.client import Client, Refused
from reconciler.executors.kubernetes.errand import MANIFEST, Harvest, dump_complaint, load_harvest
from reconciler.executors.kubernetes.judge import judge
from reconciler.executors.kubernetes.logs import Log, whole
from reconciler.executors.kubernetes.note import Note
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.records import Record, Records
from reconciler.executors.kubernetes.view import PodView
from reconciler.executors.kubernetes.workers import Workers
from reconciler.executors.log import tail
from reconciler.executors.patience import patiently
from reconciler.executors.transfer import LOG_TYPE
from reconciler.model.run import Artifact, Observation
from reconciler.model.workflow import FailureClass

T = TypeVar("T")

READ_LIMIT = 64 * 1024 * 1024
"""The largest answer that is read: values of 16 MiB, and the names around them."""

FOLLOWED_AT_ONCE = 64


@dataclass(slots=True)
class Finisher:
    """Ends attempts, in threads of its own."""

    client: Client
    store: ArtifactStore
    options: KubernetesOptions
    workers: Workers
    stopping: threading.Event
    directory: Path
    records: Records | None = None

    def end(self, record: Record) -> None:
        """Have the end of this attempt told; once."""
        assert self.records is not None
        with self.records.lock:
            if record.finishing or record.has_ended or record.view is None or record.view.note is None:
                return
            record.finishing = True
            view, note = record.view, record.view.note
        if _is_quiet(view, note, logs=self.options.logs):
            self.records.settle(record, judge(view, note, None))
        else:
            self.workers.submit(lambda: self._finish(record, view, note))

    def follow(self, record: Record) -> None:
        """The pod is being deleted: its log will not be there for long."""
        view = record.view
        if not self.options.logs or view is None or view.main is None or view.main.state != "running":
            return
        assert self.records is not None
        with self.records.lock:
            if record.followed is not None or self._followed() >= FOLLOWED_AT_ONCE:
                return
            record.followed = log = Log(self.client, view.name, self.directory, follow=True)
        log.begin()
        log.wait_until_open(2.0)

    def give_up(self, record: Record, why: Harvest) -> None:
        """Write down that the pod is hopeless, and end it."""
        assert record.view is not None
        self.workers.submit(lambda: self._give_up(record.view, why))

    def _followed(self) -> int:
        assert self.records is not None
        return sum(each.followed is not None for each in self.records.all())

    def _give_up(self, view: PodView | None, why: Harvest) -> None:
        assert view is not None
        if why.reason == "Waiting":
            explained = self._explained(view, why)
            if explained is None:
                return
            why = explained
        path = self.client.namespaced("pods", view.name)
        verdict = {"metadata": {"uid": view.uid, "annotations": {names.VERDICT: dump_complaint(why)}}}
        self.client.patch(path, verdict)
        if view.asked_to_end is None:
            self.client.delete(path, grace=max(1, round(self.options.grace)), uid=view.uid)

    def _explained(self, view: PodView, why: Harvest) -> Harvest | None:
        """What the events of a pod say that waits without a cause in its status; None: it may still start."""
        warning = self._last_warning(view)
        waited = (moment(time.time()) or view.created) - view.created
        if not warning and waited.total_seconds() < 4 * self.options.start_patience:
            return None
        return replace(why, reason="StartTimeout", message=f"{why.message}: {warning}".rstrip(": "))

    def _last_warning(self, view: PodView) -> str:
        selector = f"involvedObject.uid={view.uid},type=Warning"
        try:
            found = self.client.get(self.client.namespaced("events"), fieldSelector=selector)
        except Refused:  # no right to look
            return ""
        events = sorted(found["items"], key=lambda event: event.get("lastTimestamp") or "")
        return str(events[-1].get("message", "")) if events else ""

    def _finish(self, record: Record, view: PodView, note: Note) -> None:
        assert self.records is not None
        try:
            seen = judge(view, note, self._answer(view, note))
            seen = self._with_log(seen, record, view, note)
        except (StoreUnavailable, PermanentError) as error:
            seen = judge(view, note, None)
            seen = failed(seen, FailureClass.INFRASTRUCTURE, "StoreUnavailable", error.message)
        self.records.settle(record, seen)

    def _answer(self, view: PodView, note: Note) -> Harvest | None:
        """What the agent wrote last; None if it never got to it."""
        if not note.answers or view.main is None or view.main.started is None:
            return None
        try:
            return load_harvest(self._patiently(lambda: self._read(note.prefix + MANIFEST)))
        except (ArtifactNotFound, ValueError):
            return None

    def _patiently(self, act: Callable[[], T]) -> T:
        return patiently(act, self.options.patience, self.stopping)

    def _read(self, key: str) -> bytes:
        with self.store.open(key) as stream:
            return stream.read(READ_LIMIT)

    def _with_log(self, seen: Observation, record: Record, view: PodView, note: Note) -> Observation:
        if not self.options.logs or view.main is None or view.main.started is None or view.gone:
            return seen
        log = whole(self.client, view.name, self.directory, record.followed, self.options.grace + 10)
        try:
            key = f"{note.prefix}log.txt"
            if log.is_missing:
                self._fetch_stored(key, log.path)
            if log.path.stat().st_size == 0:
                return seen
            stored = self._patiently(lambda: self.store.put_file(key, log.path, content_type=LOG_TYPE))
            artifact = Artifact("log.txt", key, stored.size, stored.sha256, content_type=LOG_TYPE)
            seen = replace(seen, log=artifact, log_tail=self._tail(log.path))
            return causes.explained_by_log(seen, note)
        finally:
            log.close()
            record.followed = None

    def _tail(self, path: Path) -> str:
        return tail(path, self.options.log_tail_bytes, self.options.log_tail_lines)

    def _fetch_stored(self, key: str, path: Path) -> None:
        """A pass that died may have stored the log already."""
        try:
            with self.store.open(key) as stream, open(path, "wb") as file:
                while block := stream.read(1024 * 1024):
                    file.write(block)
        except ArtifactNotFound:
            path.write_bytes(b"")


def _is_quiet(view: PodView, note: Note, *, logs: bool) -> bool:
    """Whether there is nothing to be moved."""
    has_run = view.main is not None and view.main.started is not None
    return not has_run or not (logs or note.answers)
