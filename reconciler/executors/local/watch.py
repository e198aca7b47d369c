"""Waiting until an attempt ended or a thread is done, for thousands of attempts, without polling.

A keeper of our own tells by its socket; a process that an earlier pass left is watched through a pidfd. Where
the limit of open files is reached, the rest is looked at twice a second: slower, never wrong.
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
    """Tokens that something has happened to: mostly, that their processes have ended."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._looked_at: dict[Token, Callable[[], bool]] = {}
        self._heard: dict[int, Callable[[], list[Token]]] = {}
        self._gone: list[Token] = []

    def add(self, pid: int, token: Token, is_alive: Callable[[], bool]) -> None:
        """Watch `pid`, which is the right process if `is_alive` says so once the handle is open."""
        try:
            handle = open_pidfd(pid)
        except OSError:
            self.look(token, is_alive)
            return
        if handle is None or not is_alive():
            if handle is not None:
                os.close(handle)
            self._gone.append(token)
            return
        self._selector.register(handle, selectors.EVENT_READ, token)

    def look(self, token: Token, is_alive: Callable[[], bool]) -> None:
        """Ask now and then, where there is nothing to wait for."""
        self._looked_at[token] = is_alive

    def listen(self, fd: int, hear: Callable[[], list[Token]]) -> None:
        """Have `hear` read from `fd` whenever there is something, and take what it returns as ended."""
        self._heard[fd] = hear
        self._selector.register(fd, selectors.EVENT_READ, None)

    def ignore(self, fd: int) -> None:
        """Listen no longer."""
        if self._heard.pop(fd, None) and self._selector.get_map():  # no map: it is closed
            self._selector.unregister(fd)

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
            if key.fd not in self._heard:
                os.close(key.fd)
        self._selector.close()

    def _look(self, timeout: float) -> tuple[list[Token], bool]:
        ended, self._gone = self._gone, []
        rung = False
        for key, _ in self._selector.select(timeout):
            if key.fd in self._heard:
                ended += self._heard[key.fd]()
                continue
            if key.data is None:
                os.eventfd_read(self._bell)
                rung = True
                continue
            self._selector.unregister(key.fd)
            os.close(key.fd)
            ended.append(key.data)
        for token, is_alive in list(self._looked_at.items()):
            if not is_alive():
                del self._looked_at[token]
                ended.append(token)
        return ended, rung
