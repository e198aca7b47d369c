"""The open runs of one pass, carried on tick by tick: observe, decide, record, act.

The state database is written before anything is done and knows all that is needed to go on; what is
held here besides is an index of it, so that a tick costs as much as what happened, not as much as
what is open.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.core import plan, transition, verdict
from reconciler.errors import LaunchRejected, TransientError
from reconciler.model.run import AttemptKey, Launch, Observation, Phase, Run, Status, StepRun
from reconciler.model.workflow import FailureClass
from reconciler.reconcile import events
from reconciler.reconcile.edges import Edges

PAUSE = timedelta(seconds=2)
"""How long no step is launched after the executor said that it cannot take one."""


class Engine:
    """Carries open runs on. The caller decides when, and for how long."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._runs: dict[str, Run] = {}
        self._live: dict[AttemptKey, Phase] = {}  # attempts that the executor is asked about, as last seen
        self._stopping: dict[AttemptKey, None] = {}  # those of them that it is asked to stop
        self._queue: dict[str, None] = {}  # runs that may have steps to start, in order of arrival
        self._wakes: list[tuple[datetime, str]] = []
        self._unrecorded: list[tuple[Run, Run]] = []  # what this tick has changed: from, to
        self._paused_until: datetime | None = None

    @property
    def is_idle(self) -> bool:
        return not self._runs

    def adopt(self, runs: Iterable[Run]) -> None:
        """Take over runs that are open and recorded."""
        for run in runs:
            self._hold(run)

    def tick(self, now: datetime) -> None:
        """One turn: what was seen changes the runs, and what is ready starts.

        Both are recorded in one transaction, before anything starts.
        """
        seen = self._edges.executor.observe(self._live.keys()) if self._live else {}
        self._advance(self._by_run(seen), now)
        self._repeat(seen)
        self._launch_ready(now)
        self._record()

    def cancel_all(self, reason: str) -> None:
        """Stop every run: what runs is asked to end, what has not begun is skipped."""
        before = [run for run in self._runs.values() if not run.cancelling]
        after = [transition.cancel(run, reason) for run in before]
        self._change(before, after)
        self._record()
        self._stop()

    def next_wake(self) -> datetime | None:
        """When something is due although nothing may be observed until then."""
        times = [self._wakes[0][0]] if self._wakes else []
        if self._paused_until is not None:
            times.append(self._paused_until)
        return min(times, default=None)

    def _by_run(self, seen: Mapping[AttemptKey, Observation]) -> dict[str, dict[AttemptKey, Observation]]:
        """What is news among `seen`: that an attempt still starts, or still runs, is none."""
        grouped: dict[str, dict[AttemptKey, Observation]] = {}
        for key, observation in seen.items():
            status = observation.status
            if status is Status.STARTING or (
                status is Status.RUNNING and self._live.get(key) is Phase.RUNNING
            ):
                continue
            grouped.setdefault(key.run_id, {})[key] = observation
        return grouped

    def _advance(self, news: dict[str, dict[AttemptKey, Observation]], now: datetime) -> None:
        touched = dict.fromkeys(news) | dict.fromkeys(self._due(now))
        before = [self._runs[run_id] for run_id in touched if run_id in self._runs]
        after = [transition.advance(run, news.get(run.id, {}), now) for run in before]
        self._change(before, after)
        self._stop()

    def _due(self, now: datetime) -> list[str]:
        due: list[str] = []
        while self._wakes and self._wakes[0][0] <= now:
            run_id = heapq.heappop(self._wakes)[1]
            if run_id in self._runs:
                due.append(run_id)
                self._queue[run_id] = None
        return due

    def _stop(self) -> None:
        if self._stopping:
            self._record()
        for key in list(self._stopping):
            self._edges.executor.cancel(key)

    def _repeat(self, seen: Mapping[AttemptKey, Observation]) -> None:
        """Launch again what a pass intended that died before, or what the executor could not take."""
        for key, observation in seen.items():
            run = self._runs.get(key.run_id)
            if run is not None and observation.status is Status.MISSING and self._paused_until is None:
                launch = plan.repeat(run, key)
                if launch is not None:
                    self._launch(launch)

    def _launch_ready(self, now: datetime) -> None:
        """Give free slots to waiting runs, oldest first; record every intent before the first launch."""
        if self._paused_until is not None and now < self._paused_until:
            return
        self._paused_until = None
        free = self._edges.executor.slots - len(self._live)
        before: list[Run] = []
        after: list[Run] = []
        launches: list[Launch] = []
        for run_id in list(self._queue):
            if free <= 0:
                break
            run = self._runs[run_id]
            decision = plan.decide(run, now, free)
            before.append(run)
            after.append(decision.run)
            launches += decision.launches
            free -= len(decision.launches)
            if free > 0:
                del self._queue[run_id]
        self._change(before, after, requeue=False)
        if launches:
            self._record()
        for launch in launches:
            self._launch(launch)

    def _launch(self, launch: Launch) -> None:
        key = launch.call.key
        run = self._runs[key.run_id]
        try:
            if self._paused_until is None:
                self._edges.executor.launch(launch.call)
                started = f"{run.title}: {key.step}: started (attempt {key.attempt})"
                step = run.steps[key.step]
                self._edges.notify(events.Event(events.Kind.ATTEMPT_STARTED, started, run, step))
        except LaunchRejected as error:
            step = run.steps[key.step]
            attempt = replace(step.attempts[-1], finished_at=step.attempts[-1].created_at)
            failure = FailureClass.FAILURE
            refused = verdict.failed(run, step, attempt, failure, error.reason, error.message)
            self._change([run], [transition.settle(run.with_step(refused))])
        except TransientError as error:
            self._paused_until = self._edges.clock() + PAUSE
            self._edges.notify(events.Event(events.Kind.WARNING, f"no step can start now: {error.message}"))

    def _change(self, before: list[Run], after: list[Run], *, requeue: bool = True) -> None:
        """Hold the new values of the runs that differ; to be recorded before anything is done about them."""
        for old, new in zip(before, after, strict=True):
            if new is not old:
                self._unrecorded.append((old, new))
                self._hold(new, requeue=requeue)

    def _record(self) -> None:
        """Record what has changed, then tell of it."""
        pairs, self._unrecorded = self._unrecorded, []
        if not pairs:
            return
        self._edges.state.record({new.id: new for _, new in pairs}.values())
        for old, new in pairs:
            for event in events.of_changes(old, new, transition.changed(old, new)):
                self._edges.notify(event)

    def _hold(self, run: Run, *, requeue: bool = True) -> None:
        """Index the run by what changed in it: live attempts, its place in the queue, its wakes."""
        previous = self._runs.pop(run.id, None)
        steps = transition.changed(previous, run)
        self._index(previous, run, steps)
        if run.phase.is_terminal:
            self._queue.pop(run.id, None)
            return
        self._runs[run.id] = run
        if requeue:
            self._queue.setdefault(run.id)
        for wake in transition.wake_times(run, steps):
            heapq.heappush(self._wakes, (wake, run.id))

    def _index(self, previous: Run | None, run: Run, steps: Iterable[StepRun]) -> None:
        for step in steps:
            was = previous.steps[step.name] if previous else step
            key = transition.live_key(run, step) if step.phase is Phase.RUNNING else None
            if previous and was.phase is Phase.RUNNING:
                former = transition.live_key(previous, was)
                if former != key:  # else it stays the same object: sets of thousands are compared by that
                    self._live.pop(former, None)
                    self._stopping.pop(former, None)
            if key is not None:
                self._live[key] = step.attempts[-1].phase
                if step.attempts[-1].cancelling:
                    self._stopping[key] = None
