"""The Kubernetes executor: every attempt a bare pod, named after what it stands for.

What is true of an attempt stands in its pod, which a finalizer keeps until the run is recorded; what is held
in memory only saves asking. Requests are made by workers, changes arrive by a watch; the pass waits for
neither, but for the first full list of pods.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ExecutorUnavailable
from reconciler.executors.ending import lost, moment
from reconciler.executors.kubernetes import anchors, causes, names
from reconciler.executors.kubernetes.client import Client
from reconciler.executors.kubernetes.finishing import Finisher
from reconciler.executors.kubernetes.judge import has_ended, under_way
from reconciler.executors.kubernetes.launching import Launcher
from reconciler.executors.kubernetes.logs import Log, follow
from reconciler.executors.kubernetes.objects import Objects
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.podspec import Anchor
from reconciler.executors.kubernetes.records import Record, Records
from reconciler.executors.kubernetes.removing import Remover
from reconciler.executors.kubernetes.watcher import Watcher
from reconciler.executors.kubernetes.workers import Workers
from reconciler.model.run import AttemptKey, Observation, Run, Status, StepCall
from reconciler.model.workflow import Workflow

READ_AT_ONCE = 1024 * 1024
FIRST_LIST = 20.0
"""Seconds that the pass waits for the first list of pods; afterwards for none."""

LOOK_EVERY = 1.0
"""Seconds between two looks at a pod that does not begin, or does not stop."""

MOVERS = 8
DRAIN = 20.0

_LOG = logging.getLogger(__name__)


class KubernetesExecutor:
    """Attempts as pods. `parse` makes a workflow of the document in an anchor; `directory` takes logs on
    their way to the store; `allow` raises when the pass must not write any more."""

    name = "kubernetes"

    def __init__(
        self,
        directory: Path,
        store: ArtifactStore,
        parse: Callable[[Mapping[str, Any]], Workflow],
        options: KubernetesOptions | None = None,
        allow: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options = options or KubernetesOptions()
        self.slots = options.slots
        self._parse = parse
        self._directory = directory / "logs"
        self._stopping = threading.Event()
        self._client = Client(options, self._stopping, allow)
        self._writers = Workers(options.writers, "reconciler-write")
        self._movers = Workers(MOVERS, "reconciler-move")
        self._finisher = Finisher(self._client, store, options, self._movers, self._stopping, self._directory)
        self._records = Records(self._finisher.end, self._ending)
        self._finisher.records = self._records
        self._launcher = Launcher(self._client, store, options, self._records, self._writers, self._stopping)
        self._remover = Remover(
            self._client, options, self._records, self._writers, self._stopping, self._finisher.follow
        )
        selector = f"{names.selector(options.instance)},{names.KIND}=step"
        self._watcher = Watcher(self._client, selector, self._records.changed, self._stopping)
        self._objects = Objects(
            self._client, options, self._launcher.owner, self._records.ring, self._writers, self._stopping
        )
        self._reading: dict[AttemptKey, Log] = {}
        self._calm: set[AttemptKey] = set()  # told to start or run, and not heard of since
        self._watched: deque[tuple[float, AttemptKey]] = deque()  # those of them to look at all the same

    def anchor(self, run: Run) -> None:
        self._launcher.anchor(run)

    def survey(self) -> Iterable[Run]:
        """Also sweeps pods of runs that nobody knows: pods are listed before anchors, which come first."""
        self._writers.drain(DRAIN)
        self._require_pods()
        found = list(self._records.all())
        anchored = self._anchored()
        owned = {raw["metadata"].get("labels", {}).get(names.RUN) for raw in anchored}
        for record in found:
            if record.view is not None and names.run_label(record.key.run_id) not in owned:
                self._records.release(record.key.run_id)
                self._remover.sweep(record.view)
        for run_id in self._objects.runs():
            if names.run_label(run_id) not in owned:
                self._objects.release(run_id)
        return list(self._runs(anchored))

    def attempts(self, run_id: str) -> Collection[AttemptKey]:
        self._require_pods()
        pods = [record.key for record in self._records.of_run(run_id) if record.view is not None]
        return sorted([*pods, *self._objects.attempts(run_id)])

    def release(self, run_id: str) -> None:
        self._watcher.start()
        self._objects.release(run_id)
        self._remover.release(run_id)
        self._launcher.forget(run_id)

    def launch(self, call: StepCall) -> None:
        self._watcher.start()
        if call.manifest is not None:
            self._objects.launch(call)
        else:
            self._launcher.launch(call)

    def observe(self, keys: Set[AttemptKey]) -> Mapping[AttemptKey, Observation]:
        """Leaves out what was told before and has not stirred: thousands may run, and few of them change."""
        self._raise_crash()
        is_complete = self._knows_all()
        with self._records.lock:
            self._calm -= self._records.heard()
            self._calm -= self._due()
            found = {key: self._seen(key, is_complete=is_complete) for key in keys - self._calm}
            self._calm_down(found)
            return found

    def cancel(self, key: AttemptKey) -> None:
        record = self._records.get(key)
        if not self._objects.cancel(key) and record is not None:
            self._remover.cancel(record)

    def wait(self, timeout: float) -> None:
        self._records.wait(timeout)

    def read_log(self, key: AttemptKey, offset: int = 0) -> bytes:
        self._watcher.wait_until_complete(FIRST_LIST)
        record = self._records.get(key)
        log = self._reading.get(key)
        if log is None:
            if record is None or record.view is None or record.view.main is None:
                return b""
            if record.view.main.started is None:
                return b""
            log = self._reading[key] = follow(self._client, record.view.name, self._directory)
        return log.read(offset, READ_AT_ONCE)

    def close(self) -> None:
        """What was to be removed is removed first, as long as the cluster answers."""
        self._writers.drain(DRAIN)
        self._stopping.set()
        self._writers.stop()
        self._movers.stop()
        for log in (*self._reading.values(), *(r.followed for r in self._records.all() if r.followed)):
            log.close()

    def _knows_all(self) -> bool:
        """Whether what is not known does not exist; the pass waits for that once, at the beginning."""
        is_complete = self._watcher.wait_until_complete(0.0 if self._watcher.complete_since else FIRST_LIST)
        try:
            self._objects.load()
        except ExecutorUnavailable:
            return False
        return is_complete

    def _require_pods(self) -> None:
        if not self._watcher.wait_until_complete(FIRST_LIST):
            why = self._watcher.refusal or "it does not answer"
            raise ExecutorUnavailable(f"the pods of the cluster cannot be listed: {why}")
        self._objects.load()

    def _anchored(self) -> list[dict[str, Any]]:
        selector = f"{names.selector(self._options.instance)},{names.KIND}=run"
        items, _ = self._client.list(self._client.namespaced("configmaps"), selector)
        return items

    def _runs(self, anchored: Iterable[Mapping[str, Any]]) -> Iterator[Run]:
        for raw in anchored:
            metadata = raw["metadata"]
            try:
                run = anchors.from_config_map(raw, self._parse)
            except ValueError as error:
                _LOG.warning("the anchor %s cannot be read: %s", metadata["name"], error)
                continue
            if metadata["name"] == names.anchor_name(run.id) and "deletionTimestamp" not in metadata:
                self._launcher.knows(run.id, Anchor(metadata["name"], metadata["uid"]))
                yield run

    def _seen(self, key: AttemptKey, *, is_complete: bool) -> Observation:
        """What is known of an attempt; the caller holds the lock. Absence is told only where it is sure."""
        if (of_object := self._objects.seen(key)) is not None:
            return of_object
        record = self._records.get(key)
        if record is None or record.is_unknown:
            return Observation(key, Status.MISSING if is_complete else Status.STARTING)
        record.asked = True
        if record.has_ended:
            assert record.seen is not None
            return record.seen
        if record.view is None:
            if record.posted is not None and self._watcher.complete_since > record.posted:
                return lost(key, time.time())
            return Observation(key, Status.STARTING)
        if has_ended(record.view):
            self._finisher.end(record)
            if record.has_ended and record.seen is not None:
                return record.seen
        else:
            self._look(record)
        assert record.view.note is not None
        return record.seen or under_way(record.view, record.view.note)

    def _calm_down(self, told: Mapping[AttemptKey, Observation]) -> None:
        """Of what starts or runs the cluster will tell; whether it begins, or stops in time, it will not."""
        again = time.monotonic() + LOOK_EVERY
        for key, seen in told.items():
            record = self._records.get(key)
            if record is None or seen.status not in (Status.STARTING, Status.RUNNING):
                continue
            self._calm.add(key)
            if seen.status is Status.STARTING or record.view is None or record.view.must_end is not None:
                self._watched.append((again, key))

    def _due(self) -> set[AttemptKey]:
        """What is to be looked at by now, although nothing was heard of it."""
        now = time.monotonic()
        due: set[AttemptKey] = set()
        while self._watched and self._watched[0][0] <= now:
            due.add(self._watched.popleft()[1])
        return due

    def _look(self, record: Record) -> None:
        """Now and then: whether the pod will ever begin, or stop."""
        view = record.view
        assert view is not None
        if view.must_end is None and view.main is not None and view.main.started is not None:
            return
        if time.monotonic() - record.looked_at < LOOK_EVERY:
            return
        record.looked_at = time.monotonic()
        now = moment(time.time())
        assert now is not None
        if view.is_gated:
            record.held_at = now
        why = causes.hopeless(view, self._options, now, record.held_at)
        if why is not None:
            record.looked_at += 10 * LOOK_EVERY  # once is enough for a while
            self._finisher.give_up(record, why)

    def _ending(self, record: Record) -> None:
        self._movers.submit(lambda: self._finisher.follow(record))

    def _raise_crash(self) -> None:
        for workers in (self._writers, self._movers):
            if workers.crash is not None:
                raise workers.crash
