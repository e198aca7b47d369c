"""Stops attempts and removes what is no longer needed. Every request may be repeated without harm.

The finalizer keeps a pod until its result is recorded: whoever deletes it before, it is still there to be
judged. So nothing is let go of here but on the word of the pass, and of what belongs to no run at all.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.executors.kubernetes import judge, names
from reconciler.executors.kubernetes.client import Client, Refused, patiently
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.records import Record, Records
from reconciler.executors.kubernetes.view import PodView
from reconciler.executors.kubernetes.workers import Workers

AT_ONCE = 20
"""Pods of one run that one worker removes, so that a large run is removed by several."""


@dataclass(frozen=True, slots=True)
class Remover:
    """Cancels, releases and sweeps, by workers. `follow` begins to follow a log that will soon be gone."""

    client: Client
    options: KubernetesOptions
    records: Records
    workers: Workers
    stopping: threading.Event
    follow: Callable[[Record], None]

    def cancel(self, record: Record) -> None:
        """Have the attempt stopped; once, unless that could not be asked."""
        with self.records.lock:
            view = record.view
            if view is None:
                record.unwanted = True
                return
            done = view.cancelled and view.asked_to_end is not None
            if record.stopping or done or judge.has_ended(view) or record.has_ended:
                return
            record.stopping = True
        self.workers.submit(lambda: self._cancel(record, view))

    def release(self, run_id: str) -> None:
        """Have everything of a run removed: its pods, then its anchor."""
        pods = [
            record.view or names.pod_name(record.key)
            for record in self.records.release(run_id)
            if record.view is not None or record.posted is not None
        ]
        parts = [pods[start : start + AT_ONCE] for start in range(0, len(pods), AT_ONCE)] or [[]]
        left = [len(parts)]

        def remove(part: Sequence[PodView | str]) -> None:
            for pod in part:
                self._remove(pod)
            with self.records.lock:
                left[0] -= 1
                is_last = not left[0]
            if is_last:
                self._quietly(
                    lambda: self.client.delete(
                        self.client.namespaced("configmaps", names.anchor_name(run_id))
                    )
                )

        for part in parts:
            self.workers.submit(lambda part=part: remove(part))  # type: ignore[misc]

    def sweep(self, view: PodView) -> None:
        """Have a pod removed that belongs to no run."""
        self.workers.submit(lambda: self._remove(view))

    def _cancel(self, record: Record, view: PodView) -> None:
        path = self.client.namespaced("pods", view.name)
        mark = {"metadata": {"uid": view.uid, "annotations": {names.CANCELLED: f"{time.time():.3f}"}}}
        try:
            if not view.cancelled:
                self._quietly(lambda: self.client.patch(path, mark))
            self.follow(record)
            grace = max(1, math.ceil(self.options.grace))
            self._quietly(lambda: self.client.delete(path, grace=grace, uid=view.uid))
        finally:
            record.stopping = False

    def _remove(self, pod: PodView | str) -> None:
        """A pod that has ended goes at once; one that runs still gets its grace, and nobody to record it."""
        if isinstance(pod, str):
            self._remove_unseen(self.client.namespaced("pods", pod))
            return
        if pod.gone:
            return
        path = self.client.namespaced("pods", pod.name)
        grace = 0 if judge.has_ended(pod) else max(1, math.ceil(self.options.grace))
        if names.FINALIZER in pod.finalizers:
            kept = [name for name in pod.finalizers if name != names.FINALIZER]
            let_go = {"metadata": {"uid": pod.uid, "finalizers": kept or None}}
            self._quietly(lambda: self.client.patch(path, let_go))
        self._quietly(lambda: self.client.delete(path, grace=grace, uid=pod.uid))

    def _remove_unseen(self, path: str) -> None:
        self._quietly(lambda: self.client.patch(path, {"metadata": {"finalizers": None}}))
        self._quietly(lambda: self.client.delete(path, grace=0))

    def _quietly(self, act: Callable[[], object]) -> None:
        """Until it is done; that it is gone, or another by now, is as good."""
        try:
            patiently(act, self.stopping)
        except Refused as error:
            if error.status not in (404, 409):
                raise
