"""Waiting until a process ended or a thread is done, for thousands of processes, without polling.

Every process is watched through a pidfd. Where the limit of open files is reached, the rest is looked at
twice a second: slower, never wrong.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from reconciler.executors.local.process import open_pidfd

Token = TypeVar("Token")

LOOK_EVERY = 0.5


class Watch(Generic[Token]):
    """Tokens whose processes have ended."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._looked_at: dict[int, tuple[Callable[[], bool], Token]] = {}
        self._gone: list[Token] = []

    def add(self, pid: int, token: Token, is_alive: Callable[[], bool], *, own: bool = False) -> None:
        """Watch `pid`, which is the right process if `is_alive` says so once the handle is open; or if it is
        a child of our own that nobody has waited for, whose number nobody else gets."""
        try:
            handle = open_pidfd(pid)
        except OSError:
            self._looked_at[pid] = (is_alive, token)
            return
        if handle is None or not (own or is_alive()):
            if handle is not None:
                os.close(handle)
            self._gone.append(token)
            return
        self._selector.register(handle, selectors.EVENT_READ, token)

    def ring(self) -> None:
        """Wake whoever waits; from any thread."""
        os.eventfd_write(self._bell, 1)

    def wait(self, timeout: float) -> list[Token]:
        """The tokens whose processes have ended since the last call; empty on a bell or a timeout."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            ended, rung = self._look(
                0.0 if self._gone else min(left, LOOK_EVERY) if self._looked_at else left
            )
            if ended or rung or time.monotonic() >= deadline:
                return ended

    def close(self) -> None:
        for key in list((self._selector.get_map() or {}).values()):  # None once it is closed
            os.close(key.fd)
        self._selector.close()

    def _look(self, timeout: float) -> tuple[list[Token], bool]:
        ended, self._gone = self._gone, []
        rung = False
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                os.eventfd_read(self._bell)
                rung = True
                continue
            self._selector.unregister(key.fd)
            os.close(key.fd)
            ended.append(key.data)
        for pid, (is_alive, token) in list(self._looked_at.items()):
            if not is_alive():
                del self._looked_at[pid]
                ended.append(token)
        return ended, rung
