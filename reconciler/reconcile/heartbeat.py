"""The sign of life of a pass that never ends, for whoever would start it anew: a file that is touched."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from reconciler.errors import StateError

EVERY = timedelta(seconds=10)


class Heartbeat:
    """Touches the file at `path`, every ten seconds at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next: datetime | None = None

    def beat(self, now: datetime) -> None:
        if self._next is not None and now < self._next:
            return
        self._next = now + EVERY
        try:
            self._path.touch()
        except OSError as error:
            raise StateError(f"cannot write {self._path}: {error.strerror}") from error
