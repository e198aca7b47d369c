"""A few threads for moving bytes, so that starting and watching never wait for the artifact store.

Daemon threads, unlike those of concurrent.futures: a pass whose time is over ends, and the next one does
the transfer again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

THREADS = 4


@dataclass(frozen=True, slots=True)
class Done:
    """What a call gave: a value or an exception."""

    token: Any
    value: Any
    error: BaseException | None


class Background:
    """Calls run elsewhere; `done` is emptied by the owner after `ring` was called."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._waiting: queue.SimpleQueue[tuple[Any, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.stopping = threading.Event()

    def submit(self, token: Any, call: Callable[[], Any]) -> None:
        """Have `call` done; without a token (None) nobody is told when it is."""
        self._waiting.put((token, call))
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._work, name="reconciler-transfer", daemon=True)
            self._threads.append(thread)
            thread.start()

    def done(self) -> list[Done]:
        """What has been finished since the last call."""
        found = []
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def stop(self) -> None:
        """Begin nothing more; what is under way goes on until the process ends."""
        self.stopping.set()
        for _ in self._threads:
            self._waiting.put(None)

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None and not self.stopping.is_set():
            token, call = item
            try:
                done = Done(token, call(), None)
            except BaseException as error:  # carried to the owner, who decides
                done = Done(token, None, error)
            if token is None:
                continue
            self._done.put(done)
            if not self.stopping.is_set():
                self._ring()
