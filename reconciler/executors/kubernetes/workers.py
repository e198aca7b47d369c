"""Threads that speak to the cluster and the store, so that a pass never waits for either.

Daemon threads: a pass whose time is over ends, and the next one finds everything by its name.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from reconciler.errors import ReconcilerError

Work = Callable[[], None]


class Workers:
    """Calls done elsewhere, about in order. An error that nobody expected is kept in `crash`."""

    def __init__(self, threads: int, name: str) -> None:
        self._most = threads
        self._name = name
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._open = 0
        self._done = threading.Condition()
        self._stopping = threading.Event()
        self.crash: BaseException | None = None

    def submit(self, work: Work) -> None:
        """Have it done; ReconcilerErrors that it raises are the end of it."""
        with self._done:
            self._open += 1
            if len(self._threads) < min(self._most, self._open):
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put(work)

    @property
    def open(self) -> int:
        """How many calls wait or are under way."""
        return self._open

    def drain(self, patience: float) -> bool:
        """Wait until everything is done, as long as something gets done within `patience` seconds."""
        with self._done:
            deadline = time.monotonic() + patience
            while (left := self._open) and time.monotonic() < deadline:
                self._done.wait(max(0.0, deadline - time.monotonic()))
                if self._open < left:
                    deadline = time.monotonic() + patience
            return not self._open

    def stop(self) -> None:
        """Begin nothing more; what is under way goes on until the process ends."""
        self._stopping.set()
        for _ in self._threads:
            self._waiting.put(None)

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None and not self._stopping.is_set():
            try:
                work()
            except ReconcilerError:
                pass  # whoever asked for it finds out by asking again
            except BaseException as error:  # carried to the pass, which must not go on
                self.crash = error
            with self._done:
                self._open -= 1
                self._done.notify_all()
