"""Work is done elsewhere; what goes wrong in it is either awaited there or stops the pass."""

from __future__ import annotations

import threading

from reconciler.errors import ExecutorUnavailable
from reconciler.executors.kubernetes.workers import Workers


def test_everything_submitted_gets_done() -> None:
    workers, done, lock = Workers(4, "test"), [], threading.Lock()

    def note(number: int) -> None:
        with lock:
            done.append(number)

    for number in range(100):
        workers.submit(lambda number=number: note(number))  # type: ignore[misc]
    assert workers.drain(60.0)
    assert sorted(done) == list(range(100))
    workers.stop()


def test_work_runs_side_by_side() -> None:
    workers, meeting = Workers(3, "test"), threading.Barrier(3, timeout=60)
    for _ in range(3):
        workers.submit(lambda: meeting.wait() and None)
    assert workers.drain(60.0)
    assert workers.crash is None


def test_an_error_of_the_world_ends_the_work_alone() -> None:
    workers = Workers(1, "test")

    def refuse() -> None:
        raise ExecutorUnavailable("not now")

    workers.submit(refuse)
    assert workers.drain(60.0)
    assert workers.crash is None


def test_any_other_error_is_kept_for_the_pass() -> None:
    workers = Workers(1, "test")
    workers.submit(lambda: {}["nothing"])
    assert workers.drain(60.0)
    assert isinstance(workers.crash, KeyError)


def test_waiting_ends_when_nothing_gets_done() -> None:
    workers, held = Workers(1, "test"), threading.Event()
    workers.submit(lambda: held.wait(60) and None)
    assert not workers.drain(0.05)
    held.set()
    assert workers.drain(60.0)
