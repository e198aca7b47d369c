"""Kills this process at a chosen state-changing call, just before or just after it.

Every call of an edge that changes something outside is a point; they are counted in the order in which
they happen, so "the 17th, after it" names a moment that can be met again. In a cluster, where several
threads write at once, it is a moment like it; there the points are the requests that change something.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from reconciler import quiet
from reconciler.artifacts.directory import DirectoryStore
from reconciler.executors.kubernetes.client import Client
from reconciler.executors.local import launcher, place
from reconciler.executors.local.executor import LocalExecutor
from reconciler.git import clone, command
from reconciler.state.standing import Standing
from reconciler.state.store import State

POINTS: tuple[tuple[Any, str], ...] = (
    *((State, name) for name in ("record", "apply_catalog", "mark_published", "import_finished")),
    *((State, name) for name in ("set_meta", "set_schedule_marks")),
    *((LocalExecutor, name) for name in ("anchor", "launch", "cancel", "release")),
    *((DirectoryStore, name) for name in ("put", "put_file", "delete")),
    (Standing, "show"),
    (clone.Clone, "begin"),
    (clone.Clone, "_bring"),
    (command.Git, "execute"),
    (launcher.Launcher, "spawn"),
    (place.Place, "make"),
    (place.Place, "prepare"),
    (place.Place, "write"),
    (place.Place, "conclude"),
    (quiet, "remember"),
)
"""What is wrapped: the edges' methods that change something, and below them the processes and files."""


def write(client: Client, method: str, path: str, *rest: Any, **named: Any) -> str:
    """What a request to the API server changes, as in "DELETE pods"; empty for one that only reads."""
    resource = path.partition("/namespaces/")[2].split("/")[1]
    return f"{method} {resource}" if method != "GET" else ""


class Faults:
    """Counts points; dies at point `at` (`side` is "before" or "after"), or only counts when `at` is None."""

    def __init__(self, at: int | None, side: str, *, in_cluster: bool = False) -> None:
        self.seen: list[str] = []
        self._in_cluster = in_cluster
        self._at = at
        self._side = side
        self._lock = threading.Lock()

    def install(self) -> None:
        """Wrap every point of this process."""
        if self._in_cluster:
            Client._json = self._around(write, Client._json)  # type: ignore[method-assign]
            return
        for owner, name in POINTS:
            label = f"{getattr(owner, '__name__', owner).rpartition('.')[2]}.{name}"
            setattr(owner, name, self._around(lambda *_, label=label, **__: label, getattr(owner, name)))

    def _around(self, label: Callable[..., str], call: Callable[..., Any]) -> Callable[..., Any]:
        """The call as a point, named by `label` of its arguments; without a name it is none."""

        @functools.wraps(call)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            name = label(*arguments, **named)
            if not name:
                return call(*arguments, **named)
            with self._lock:
                number = len(self.seen)
                self.seen.append(name)
            self._perhaps_die(number, "before")
            result = call(*arguments, **named)
            self._perhaps_die(number, "after")
            return result

        return wrapped

    def _perhaps_die(self, number: int, side: str) -> None:
        if (number, side) == (self._at, self._side):
            os.kill(os.getpid(), signal.SIGKILL)
