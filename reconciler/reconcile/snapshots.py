"""The state between passes that share no volume: a copy of the database in the artifact store.

It is fetched where there is no database, and stored now and then and at the end. An old copy, or none, costs
time and nothing else: a pass first takes in from the ledger what was published since, and asks the executor
what is in flight.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ArtifactNotFound, StateError
from reconciler.state.store import State

_BLOCK = 1024 * 1024
_TYPE = "application/vnd.sqlite3"


class Snapshots:
    """The copy under `key`. `allow` is asked before each write, `interval` in seconds is the time between."""

    def __init__(
        self,
        store: ArtifactStore,
        key: str,
        *,
        interval: float,
        allow: Callable[[], None],
    ) -> None:
        self._store = store
        self._key = key
        self._interval = timedelta(seconds=interval)
        self._allow = allow
        self._next: datetime | None = None
        self._stored_at = -1

    def fetch(self, path: Path) -> bool:
        """Bring the copy to `path`, whole or not at all; False where there is none."""
        aside = path.with_name(f"{path.name}.fetched")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._store.open(self._key) as source, aside.open("wb") as file:
                while block := source.read(_BLOCK):
                    file.write(block)
            aside.replace(path)
        except ArtifactNotFound:
            return False
        except OSError as error:
            raise StateError(f"cannot write the state to {path}: {error.strerror}") from error
        finally:
            aside.unlink(missing_ok=True)
        return True

    def keep(self, state: State, directory: Path, now: datetime, *, last: bool = False) -> None:
        """Store a copy, if it is time or the pass ends, and something was recorded since the last one."""
        if self._next is None:
            self._next = now + self._interval
        if state.database.writes == self._stored_at or not (last or now >= self._next):
            return
        self._next = now + self._interval
        written = state.database.writes
        aside = directory / "state.db.copy"
        try:
            state.database.copy_to(aside)
            self._allow()
            self._store.put_file(self._key, aside, content_type=_TYPE)
        finally:
            aside.unlink(missing_ok=True)
        self._stored_at = written
