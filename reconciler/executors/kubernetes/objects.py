"""Steps with a manifest: an object is made, looked at until a condition holds, and removed.

A ConfigMap beside each object remembers what it is for and, in the end, how it ended, since the object
itself may be of any kind, and goes when the step is done. Objects are looked at by a list of each kind in
use every few seconds; where no step has a manifest, nothing is asked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reconciler.errors import ExecutorUnavailable, ReconcilerError
from reconciler.executors.ending import failed, moment
from reconciler.executors.kubernetes import names, objectspec
from reconciler.executors.kubernetes.client import Client, Refused, patiently
from reconciler.executors.kubernetes.objectspec import Held
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.podspec import Anchor
from reconciler.executors.kubernetes.resources import Resources
from reconciler.executors.kubernetes.workers import Workers
from reconciler.model import codec
from reconciler.model.run import AttemptKey, Observation, Status, StepCall
from reconciler.model.workflow import FailureClass

LOOK_EVERY = 1.0
PATIENCE = 60.0


@dataclass(slots=True, eq=False)
class _Entry:
    """One attempt: what is remembered of it, and what this process is doing about it."""

    held: Held
    is_made: bool = False
    seen: Observation | None = None
    put_off: str = ""


class Objects:
    """Attempts of steps with a manifest. `owner` finds the anchor of a run; `ring` wakes the pass."""

    def __init__(
        self,
        client: Client,
        options: KubernetesOptions,
        owner: Callable[[str], Anchor | None],
        ring: Callable[[], None],
        workers: Workers,
        stopping: threading.Event,
    ) -> None:
        self._client = client
        self._options = options
        self._owner = owner
        self._ring = ring
        self._workers = workers
        self._stopping = stopping
        self._resources = Resources(client)
        self._lock = threading.RLock()
        self._entries: dict[AttemptKey, _Entry] = {}
        self._is_loaded = False
        self._thread: threading.Thread | None = None

    def load(self) -> None:
        """Find what earlier passes began; where no step may have a manifest, nobody did."""
        if self._is_loaded or not self._options.policy.manifest_types:
            return
        selector = f"{names.selector(self._options.instance)},{names.KIND}={objectspec.KIND}"
        items, _ = self._client.list(self._client.namespaced("configmaps"), selector)
        with self._lock:
            for raw in items:
                held = _loaded(raw)
                if held is not None:
                    entry = _Entry(held, is_made=bool(held.uid), seen=held.result)
                    self._entries.setdefault(held.key, entry)
            self._is_loaded = True
        self._begin()

    def launch(self, call: StepCall) -> None:
        """As the executor's."""
        self.load()
        with self._lock:
            entry = self._entries.get(call.key)
            if entry is not None and entry.put_off:
                why, entry.put_off = entry.put_off, ""
                raise ExecutorUnavailable(why)
            if entry is not None and (entry.is_made or entry.seen is not None):
                return
            entry = self._entries[call.key] = _Entry(objectspec.held(call, self._options), is_made=True)
        self._workers.submit(lambda: self._make(entry))
        self._begin()

    def seen(self, key: AttemptKey) -> Observation | None:
        """What is known of an attempt that is one of these."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.put_off or not entry.is_made:
                return Observation(key, Status.MISSING)
            return entry.seen or Observation(key, Status.STARTING)

    def attempts(self, run_id: str) -> Collection[AttemptKey]:
        with self._lock:
            return [key for key in self._entries if key.run_id == run_id]

    def runs(self) -> set[str]:
        with self._lock:
            return {key.run_id for key in self._entries}

    def cancel(self, key: AttemptKey) -> bool:
        """Whether the attempt is one of these."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return False
            if entry.held.cancelled or entry.held.result is not None or not entry.held.uid:
                return True
            entry.held = replace(entry.held, cancelled=True)
        self._workers.submit(lambda: self._stop(entry))
        return True

    def release(self, run_id: str) -> None:
        with self._lock:
            keys = [key for key in self._entries if key.run_id == run_id]
            entries = [self._entries.pop(key) for key in keys]
        for entry in entries:
            self._workers.submit(partial(self._remove, entry.held))

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and self._entries:
                self._thread = threading.Thread(target=self._run, name="reconciler-objects", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            with self._lock:
                live = [e for e in self._entries.values() if e.held.uid and e.held.result is None]
            for kind in {entry.held.form.type for entry in live}:
                with suppress(ReconcilerError):  # looked at again in a moment
                    self._look([entry for entry in live if entry.held.form.type == kind])

    def _look(self, entries: list[_Entry]) -> None:
        """One list of a kind, and what it says of each attempt."""
        first = entries[0].held.form
        path = self._resources.path(first.api_version, first.kind)
        selector = f"{names.selector(self._options.instance)},{names.KIND}={objectspec.KIND}"
        items, _ = self._client.list(path, selector)
        by_name = {raw["metadata"]["name"]: raw for raw in items}
        now = moment(time.time())
        assert now is not None
        for entry in entries:
            found = by_name.get(entry.held.form.name)
            result = objectspec.outcome(entry.held, found, now)
            if result is not None:
                self._end(entry, result)
            elif entry.seen is None or entry.seen.status is not Status.RUNNING:
                started = objectspec.started(found)
                entry.seen = Observation(entry.held.key, Status.RUNNING, started_at=started)
                self._ring()

    def _end(self, entry: _Entry, result: Observation) -> None:
        """Written down first; then the object goes, unless it is to be kept."""
        entry.held = replace(entry.held, result=result)
        self._note(entry.held)
        if not entry.held.manifest.keep or result.failure is FailureClass.CANCELLED:
            self._delete(entry.held)
        entry.seen = result
        self._ring()

    def _make(self, entry: _Entry) -> None:
        held = entry.held
        try:
            anchor = self._owner(held.key.run_id)
            self._write_down(held, anchor)
            made = self._made(held, objectspec.body(held, self._options, anchor))
            if made is None:
                why = f"another {held.form}, which is not this attempt's, has its name"
                self._refuse(entry, "NameTaken", why)
                return
            entry.held = replace(held, uid=made["metadata"]["uid"])
            self._note(entry.held)
        except Refused as error:
            if error.status in (400, 404, 413, 422):
                self._refuse(entry, "LaunchRejected", error.message)
            else:
                self._put_off(entry, error.message)
        except ReconcilerError as error:
            self._put_off(entry, error.message)

    def _made(self, held: Held, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The object, made or found; None for a stranger. An earlier attempt's must be gone first."""
        path = self._resources.path(held.form.api_version, held.form.kind)
        try:
            return patiently(lambda: self._client.create(path, body), self._stopping, PATIENCE)
        except Refused as error:
            if error.status != 409:
                raise
        found = patiently(lambda: self._client.get(f"{path}/{held.form.name}"), self._stopping, PATIENCE)
        if objectspec.is_of(held, found):
            return found
        if "deletionTimestamp" in found["metadata"]:
            raise ExecutorUnavailable(f"{held.form} of an earlier attempt is not gone yet")
        return None

    def _refuse(self, entry: _Entry, reason: str, message: str) -> None:
        seen = Observation(entry.held.key, Status.ENDED, finished_at=moment(time.time()))
        entry.held = replace(entry.held, result=failed(seen, FailureClass.FAILURE, reason, message))
        self._note(entry.held)
        entry.seen = entry.held.result
        self._ring()

    def _put_off(self, entry: _Entry, why: str) -> None:
        with self._lock:
            entry.is_made, entry.put_off = False, why
        self._ring()

    def _write_down(self, held: Held, anchor: Anchor | None) -> None:
        labels = objectspec.labels_of(held.key, self._options.instance)
        metadata: dict[str, Any] = {"name": names.pod_name(held.key), "labels": labels}
        if anchor is not None:
            metadata["ownerReferences"] = [objectspec.owner(anchor)]
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": _dumped(held)}
        path = self._client.namespaced("configmaps")
        try:
            patiently(lambda: self._client.create(path, config_map), self._stopping, PATIENCE)
        except Refused as error:
            if error.status != 409:
                raise

    def _note(self, held: Held) -> None:
        path = self._client.namespaced("configmaps", names.pod_name(held.key))
        patiently(lambda: self._client.patch(path, {"data": _dumped(held)}), self._stopping)

    def _stop(self, entry: _Entry) -> None:
        self._note(entry.held)
        self._delete(entry.held)

    def _delete(self, held: Held) -> None:
        path = f"{self._resources.path(held.form.api_version, held.form.kind)}/{held.form.name}"
        self._gone(lambda: self._client.delete(path, uid=held.uid))

    def _remove(self, held: Held) -> None:
        if held.uid:
            self._delete(held)
        path = self._client.namespaced("configmaps", names.pod_name(held.key))
        self._gone(lambda: self._client.delete(path))

    def _gone(self, act: Callable[[], object]) -> None:
        try:
            patiently(act, self._stopping)
        except Refused as error:
            if error.status not in (404, 409):
                raise


def _dumped(held: Held) -> dict[str, str]:
    return {"attempt.json": json.dumps(codec.encode(held), ensure_ascii=False)}


def _loaded(raw: Mapping[str, Any]) -> Held | None:
    try:
        return codec.decode(Held, json.loads(raw["data"]["attempt.json"]))
    except (ValueError, KeyError):
        return None
