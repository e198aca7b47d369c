"""Makes anchors and pods. Whatever is there already under the right name is taken over, never made twice.

Calls are rendered at once, so that what can never run is refused at once; the requests are made by workers.
A pod is made only after the anchor of its run, which owns it.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ExecutorUnavailable, LaunchRejected, PermanentError, ReconcilerError
from reconciler.executors.ending import failed, moment
from reconciler.executors.kubernetes import anchors, names, podspec
from reconciler.executors.kubernetes.client import Client, Refused, patiently
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.podspec import Anchor, Rendered
from reconciler.executors.kubernetes.records import Record, Records
from reconciler.executors.kubernetes.view import view
from reconciler.executors.kubernetes.workers import Workers
from reconciler.model.run import Observation, Run, Status, StepCall
from reconciler.model.workflow import FailureClass

PATIENCE = 120.0
"""Seconds for which a create is tried while the API server is away, before the pass is told."""

SIDECARS_SINCE = (1, 29)


@dataclass(slots=True)
class _Anchoring:
    """The anchor of one run, there or on its way. `ready` once that is decided; `waiting` what is to be done
    then."""

    anchor: Anchor | None = None
    ready: bool = False
    problem: ReconcilerError | None = None
    waiting: list[Callable[[], None]] = field(default_factory=list)


class Launcher:
    """Creates, and remembers which run has which anchor."""

    def __init__(
        self,
        client: Client,
        store: ArtifactStore,
        options: KubernetesOptions,
        records: Records,
        workers: Workers,
        stopping: threading.Event,
    ) -> None:
        self._client = client
        self._store = store
        self._options = options
        self._records = records
        self._workers = workers
        self._stopping = stopping
        self._anchors: dict[str, _Anchoring] = {}

    def anchor(self, run: Run) -> None:
        """Have the run's anchor made; its pods wait for that."""
        with self._records.lock:
            if run.id in self._anchors and self._anchors[run.id].problem is None:
                return
            self._anchors[run.id] = _Anchoring()
        self._workers.submit(lambda: self._make_anchor(run))

    def knows(self, run_id: str, anchor: Anchor) -> None:
        """An anchor that was found."""
        with self._records.lock:
            self._anchors[run_id] = _Anchoring(anchor, ready=True)

    def forget(self, run_id: str) -> None:
        with self._records.lock:
            self._anchors.pop(run_id, None)

    def launch(self, call: StepCall) -> None:
        """Have the pod made, unless it is there, under way or refused for good."""
        with self._records.lock:
            record = self._records.add(call.key)
            record.asked = True
            if record.put_off:
                why, record.put_off = record.put_off, ""
                raise ExecutorUnavailable(why)
            if record.launching or record.view is not None or record.seen is not None:
                return
        try:
            rendered = self.render(call)
        except ReconcilerError:
            self._records.drop(record)
            raise
        with self._records.lock:
            record.launching, record.unwanted = True, False
        self._after_anchor(call.key.run_id, lambda: self._create(record, rendered))

    def render(self, call: StepCall) -> Rendered:
        layout = podspec.layout(call, chain=False)
        if layout.put or call.pod.get("sidecars"):
            if not self._has_sidecars and call.pod.get("sidecars"):
                raise LaunchRejected("sidecars need a cluster of version 1.29 or newer")
            layout = podspec.layout(call, chain=not self._has_sidecars or self._options.layout == "chain")
        return podspec.render(call, self._options, layout)

    @cached_property
    def _has_sidecars(self) -> bool:
        """Whether the API server knows native sidecars; an older one would drop the word and hang."""
        if self._options.layout == "sidecar":
            return True
        found = self._client.get("/version")
        numbers = tuple(int("".join(c for c in found[part] if c.isdigit())) for part in ("major", "minor"))
        return numbers >= SIDECARS_SINCE

    def _after_anchor(self, run_id: str, work: Callable[[], None]) -> None:
        with self._records.lock:
            anchoring = self._anchors.get(run_id)
            if anchoring is not None and not anchoring.ready:
                anchoring.waiting.append(work)
                return
        self._workers.submit(work)

    def _make_anchor(self, run: Run) -> None:
        anchor, problem = None, None
        try:
            anchor = self._anchored(run)
        except ReconcilerError as error:
            problem = error
        with self._records.lock:
            anchoring = self._anchors.setdefault(run.id, _Anchoring())
            anchoring.anchor, anchoring.problem, anchoring.ready = anchor, problem, True
            waiting, anchoring.waiting = anchoring.waiting, []
        for work in waiting:
            self._workers.submit(work)

    def _anchored(self, run: Run) -> Anchor:
        body = anchors.to_config_map(run, self._options.instance)
        path = self._client.namespaced("configmaps")
        try:
            made = patiently(lambda: self._client.make(path, body), self._stopping)
        except Refused as error:
            if error.status != 409:
                raise
            there = f"{path}/{names.anchor_name(run.id)}"
            made = patiently(lambda: self._client.get(there), self._stopping)["metadata"]
        return Anchor(made["name"], made["uid"])

    def owner(self, run_id: str) -> Anchor | None:
        """The anchor of a run; one that another process made is looked up once."""
        with self._records.lock:
            known = self._anchors.get(run_id)
        if known is not None and known.problem is not None:
            raise known.problem
        if known is not None:
            return known.anchor
        path = self._client.namespaced("configmaps", names.anchor_name(run_id))
        try:
            found = patiently(lambda: self._client.get(path), self._stopping, PATIENCE)
        except Refused as error:
            if error.status != 404:
                raise
            return None
        anchor = Anchor(found["metadata"]["name"], found["metadata"]["uid"])
        self.knows(run_id, anchor)
        return anchor

    def _create(self, record: Record, rendered: Rendered) -> None:
        if record.unwanted:
            self._records.drop(record)
            return
        try:
            pod = podspec.owned(rendered.pod, self.owner(record.key.run_id))
            if rendered.errand_key:
                self._store.put(rendered.errand_key, io.BytesIO(rendered.errand.encode()))
            path = self._client.namespaced("pods")
            patiently(lambda: self._client.make(path, pod), self._stopping, PATIENCE)
        except Refused as error:
            self._refused(record, rendered, error)
        except LaunchRejected as error:
            self._never(record, FailureClass.FAILURE, error.reason, error.message)
        except ReconcilerError as error:
            self._records.put_off(record, error.message)
        else:
            record.posted = time.monotonic()

    def _refused(self, record: Record, rendered: Rendered, error: Refused) -> None:
        if error.status == 409:
            self._adopt(record, rendered)
        elif error.status in (400, 413, 422) or (error.status == 403 and not _may_change(error)):
            self._never(record, FailureClass.FAILURE, "LaunchRejected", error.message)
        elif self._is_late(record):
            reason = "QuotaExceeded" if error.is_quota else "LaunchRefused"
            self._never(record, FailureClass.INFRASTRUCTURE, reason, error.message)
        else:
            self._records.put_off(record, error.message)

    def _is_late(self, record: Record) -> bool:
        since = record.refused_since
        return since is not None and time.monotonic() - since >= self._options.start_patience

    def _never(self, record: Record, failure: FailureClass, reason: str, message: str) -> None:
        seen = Observation(record.key, Status.ENDED, finished_at=moment(time.time()))
        self._records.settle(record, failed(seen, failure, reason, message))

    def _adopt(self, record: Record, rendered: Rendered) -> None:
        """The name is taken: by this very attempt, or by a stranger."""
        path = self._client.namespaced("pods", names.pod_name(record.key))
        try:
            raw = patiently(lambda: self._client.get(path), self._stopping, PATIENCE)
        except PermanentError:
            self._records.put_off(record, f"the pod of {record.key} was there and is gone; made again soon")
            return
        except ExecutorUnavailable as error:
            self._records.put_off(record, error.message)
            return
        found = view(raw)
        if _identity(raw) != _identity(rendered.pod) or found.note is None or found.note.key != record.key:
            why = (
                f"a pod '{found.name}' that is not this attempt's has its name; delete it, or rename the step"
            )
            self._never(record, FailureClass.FAILURE, "NameTaken", why)
            return
        record.posted = time.monotonic()
        self._records.changed(found)


def _identity(pod: dict[str, Any]) -> tuple[str, str]:
    metadata = pod["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return labels.get(names.INSTANCE, ""), annotations.get(names.HASH, "")


def _may_change(error: Refused) -> bool:
    """Whether a pod that is forbidden now may be allowed later: there is a quota, or a right is missing."""
    return error.is_quota or "cannot create resource" in error.text or "being terminated" in error.text
