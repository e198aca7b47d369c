"""The port for places where steps run. Three verbs, an anchor per run, and a way to wait.

Every method may be repeated without harm and returns without waiting for a step. Whatever an executor
makes is named after the attempt's key, so that a pass that finds it already there adopts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from typing import Protocol

from reconciler.model.run import AttemptKey, Observation, Run, StepCall


class Executor(Protocol):
    """Where steps run."""

    name: str
    slots: int
    """How many attempts may be live at once."""

    def anchor(self, run: Run) -> None:
        """Keep `run` (identity and definition, not its progress), to survive a lost database.

        It is kept before any attempt of the run is started, and at the latest when `close` returns.
        """

    def survey(self) -> Iterable[Run]:
        """The anchored runs: progress is not kept with them, `observe` tells it."""

    def attempts(self, run_id: str) -> Collection[AttemptKey]:
        """The attempts of an anchored run that left a trace here."""

    def release(self, run_id: str) -> None:
        """Forget a run that is published: sweep its attempts, then its anchor. Unknown runs are no error."""

    def launch(self, call: StepCall) -> None:
        """Start the attempt under its derived name; if that name is taken by the same attempt, adopt it.

        Raises LaunchRejected when it can never start here, ExecutorUnavailable when it might later.
        """

    def observe(self, keys: Set[AttemptKey]) -> Mapping[AttemptKey, Observation]:
        """What each attempt is doing now, Missing included. An end is told once its outputs are stored.

        One that starts or runs may be left out, as long as what was told of it last is true.
        """

    def cancel(self, key: AttemptKey) -> None:
        """Stop the attempt and all it started; ask first, insist later. What is gone is no error."""

    def wait(self, timeout: float) -> None:
        """Return when something may have changed, after `timeout` seconds at the latest."""

    def read_log(self, key: AttemptKey, offset: int = 0) -> bytes:
        """What the attempt has written from byte `offset` on, at most 1 MiB; empty if nothing (yet)."""

    def close(self) -> None:
        """Let go of what this process holds; running attempts go on."""
