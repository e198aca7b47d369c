"""An executor that asks before it acts: a pass that lost its turn must not start, stop or forget anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set

from reconciler.executors.base import Executor
from reconciler.model.run import AttemptKey, Observation, Run, StepCall


class FencedExecutor:
    """`inner`, with `allow` asked before each act; it raises where the act must not happen."""

    def __init__(self, inner: Executor, allow: Callable[[], None]) -> None:
        self.name = inner.name
        self.slots = inner.slots
        self._inner = inner
        self._allow = allow

    def anchor(self, run: Run) -> None:
        self._allow()
        self._inner.anchor(run)

    def survey(self) -> Iterable[Run]:
        self._allow()  # what nobody owns is swept on the way
        return self._inner.survey()

    def attempts(self, run_id: str) -> Collection[AttemptKey]:
        return self._inner.attempts(run_id)

    def release(self, run_id: str) -> None:
        self._allow()
        self._inner.release(run_id)

    def launch(self, call: StepCall) -> None:
        self._allow()
        self._inner.launch(call)

    def observe(self, keys: Set[AttemptKey]) -> Mapping[AttemptKey, Observation]:
        return self._inner.observe(keys)

    def cancel(self, key: AttemptKey) -> None:
        self._allow()
        self._inner.cancel(key)

    def wait(self, timeout: float) -> None:
        self._inner.wait(timeout)

    def read_log(self, key: AttemptKey, offset: int = 0) -> bytes:
        return self._inner.read_log(key, offset)

    def close(self) -> None:
        self._inner.close()
