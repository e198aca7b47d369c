"""Stops attempts and removes what is no longer needed. Every request may be repeated without harm.

The finalizer keeps a pod until its result is recorded: whoever deletes it before, it is still there to be
judged. So nothing is let go of here but on the word of the pass, and of what belongs to no run at all.

Most runs end in crowds, with pods that have ended. Those are let go of one by one, which nobody can do
together, and then deleted by one request for many runs: two of the three writes that a pod costs are left.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.executors.kubernetes import judge, names
from reconciler.executors.kubernetes.client import Client, Refused, patiently
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.records import Record, Records
from reconciler.executors.kubernetes.view import PodView
from reconciler.executors.kubernetes.workers import Workers

AT_ONCE = 20
"""Pods of one run that one worker removes, so that a large run is removed by several."""

RUNS_TOGETHER, PODS_TOGETHER = 50, 100
"""How much one request deletes: the names of the runs are in its address, and the API server deletes their
pods one after the other before it answers."""


@dataclass(slots=True, eq=False)
class _Leaving:
    """A run whose pods are being let go of, in so many `parts`; `alone` if they are also deleted one by one.
    One that is `stuck` keeps its anchor, and the next pass tries again."""

    run_id: str
    pods: Sequence[PodView | str]
    alone: bool
    parts: int
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Remover:
    """Cancels, releases and sweeps, by workers. `follow` begins to follow a log that will soon be gone."""

    client: Client
    options: KubernetesOptions
    records: Records
    workers: Workers
    stopping: threading.Event
    follow: Callable[[Record], None]
    _leaving: set[_Leaving] = field(default_factory=set)
    _let_go: list[_Leaving] = field(default_factory=list)

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
        runs_still = any(isinstance(pod, PodView) and not judge.has_ended(pod) for pod in pods)
        leaving = _Leaving(run_id, pods, runs_still or len(parts) > 1, len(parts))
        with self.records.lock:
            self._leaving.add(leaving)
        for part in parts:
            self.workers.submit(partial(self._let_part_go, leaving, part))

    def sweep(self, view: PodView) -> None:
        """Have a pod removed that belongs to no run."""
        self.workers.submit(lambda: self._let_go_of([view], delete=True))

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

    def _let_part_go(self, leaving: _Leaving, part: Sequence[PodView | str]) -> None:
        try:
            self._let_go_of(part, delete=leaving.alone)
        except ReconcilerError:
            leaving.stuck = True
            raise
        finally:
            runs = self._part_done(leaving)
            if leaving.alone and not (leaving.parts or leaving.stuck):
                path = self.client.namespaced("configmaps", names.anchor_name(leaving.run_id))
                self._quietly(lambda: self.client.delete(path))
            if runs:
                self._delete_runs(runs)

    def _part_done(self, leaving: _Leaving) -> list[str]:
        """The runs to delete now: when there are enough of them, or no more to come."""
        with self.records.lock:
            leaving.parts -= 1
            if leaving.parts:
                return []
            self._leaving.discard(leaving)
            if not (leaving.alone or leaving.stuck):
                self._let_go.append(leaving)
            is_enough = len(self._let_go) >= RUNS_TOGETHER
            is_enough |= sum(len(each.pods) for each in self._let_go) >= PODS_TOGETHER
            if self._leaving and not is_enough:
                return []
            runs = [each.run_id for each in self._let_go]
            self._let_go.clear()
            return runs

    def _delete_runs(self, runs: Sequence[str]) -> None:
        """The pods of runs, then the anchors."""
        chosen = f"{names.RUN} in ({','.join(map(names.run_label, runs))})"
        ours = f"{names.selector(self.options.instance)},{chosen},{names.KIND}"
        pods, anchors = self.client.namespaced("pods"), self.client.namespaced("configmaps")
        self._quietly(lambda: self.client.delete_all(pods, f"{ours}=step", grace=0))
        self._quietly(lambda: self.client.delete_all(anchors, f"{ours}=run"))

    def _let_go_of(self, pods: Sequence[PodView | str], *, delete: bool) -> None:
        for pod in pods:
            self._unbind(pod)
            if delete:
                self._delete(pod)

    def _unbind(self, pod: PodView | str) -> None:
        """Take our finalizer off; nobody else has put one on a pod that we have not seen yet."""
        body: dict[str, Any] = {"finalizers": None}
        if isinstance(pod, PodView):
            if pod.gone or names.FINALIZER not in pod.finalizers:
                return
            kept = [name for name in pod.finalizers if name != names.FINALIZER]
            body = {"uid": pod.uid, "finalizers": kept or None}
        path = self.client.namespaced("pods", _name(pod))
        self._quietly(lambda: self.client.patch(path, {"metadata": body}))

    def _delete(self, pod: PodView | str) -> None:
        """A pod that has ended goes at once; one that runs still gets its grace, and nobody to record it."""
        uid, grace = "", 0
        if isinstance(pod, PodView):
            if pod.gone:
                return
            uid = pod.uid
            grace = 0 if judge.has_ended(pod) else max(1, math.ceil(self.options.grace))
        path = self.client.namespaced("pods", _name(pod))
        self._quietly(lambda: self.client.delete(path, grace=grace, uid=uid))

    def _quietly(self, act: Callable[[], object]) -> None:
        """Until it is done; that it is gone, or another by now, is as good."""
        try:
            patiently(act, self.stopping)
        except Refused as error:
            if error.status not in (404, 409):
                raise


def _name(pod: PodView | str) -> str:
    return pod if isinstance(pod, str) else pod.name
