"""One connection to the state database: opened with suspicion, used in whole transactions.

Only the standard library is imported here: sqlite-utils costs more than a pass that finds nothing to do,
so it is asked for when migrations must be applied, and never otherwise.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import StateCorrupt, StateError
from reconciler.state.failures import REBUILD, translate

SCHEMA_VERSION = 4
"""How many migrations there are; written to `PRAGMA user_version`."""

APPLICATION_ID = 0x5265636F
"""Says in the file's header whose database it is ("Reco")."""

_BUSY_SECONDS = 5.0
_CACHE_KIB = 64 * 1024  # at most; a rebuild of a long history is a third faster than with the default
_SMALL = 1024 * 1024  # bytes
_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables


class Connection:
    """A database whose schema is the one this release knows."""

    def __init__(self, place: str, raw: sqlite3.Connection) -> None:
        self.place = place
        self.allow: Callable[[], None] = lambda: None
        """Asked before each write; raises where it must not happen."""
        self.writes = 0
        """How many transactions were written."""
        self._raw = raw
        self._cursor = raw.cursor()

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Connection:
        """Open the file at `path`, made and migrated as needed.

        The header, the schema and their agreement are checked, and of a small file all of it: 3 ms for each
        MiB are nothing then, and too much for every pass once the history is long.
        """
        _require_sqlite()
        if read_only and not path.exists():
            raise StateError(f"there is no state database at {path}", hint="`reconciler pass` makes it")
        if not read_only:
            _make_directory(path.parent)
        return cls._prepared(str(path), _uri(path, read_only), read_only)

    @classmethod
    def in_memory(cls) -> Connection:
        """A database that ends with the process."""
        _require_sqlite()
        return cls._prepared("(in memory)", "file::memory:", False)

    @classmethod
    def _prepared(cls, place: str, uri: str, read_only: bool) -> Connection:
        with _translated(place):
            raw = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            with _translated(place):
                _prepare(raw, place, read_only)
        except BaseException:
            raw.close()
            raise
        return cls(place, raw)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        """One transaction that holds the right to write from its start: all of it, or nothing."""
        self.allow()
        with _translated(self.place), _transaction(self._raw, "BEGIN IMMEDIATE"):
            yield self._cursor
        self.writes += 1

    @contextmanager
    def read(self) -> Iterator[sqlite3.Cursor]:
        """One unchanging view of the database, whatever is written meanwhile."""
        with _translated(self.place), _transaction(self._raw, "BEGIN"):
            yield self._cursor

    def copy_to(self, path: Path) -> None:
        """A sound database at `path`, as this one is now, whatever was there."""
        path.unlink(missing_ok=True)
        with _translated(str(path)):
            copy = sqlite3.connect(path)
            try:
                self._raw.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        with _translated(self.place):
            self._cursor.close()  # a cursor that lives on would keep the file open behind our back
            self._raw.close()


def _prepare(raw: sqlite3.Connection, place: str, read_only: bool) -> None:
    # Damaged pages are then noticed when they are read first, not when they have misled.
    raw.execute("PRAGMA cell_size_check = ON")
    version = _version(raw, place)
    if read_only:
        if version < SCHEMA_VERSION:
            raise StateError(f"{place} is of an older release", hint="`reconciler pass` brings it up to date")
        return
    raw.execute("PRAGMA journal_mode = WAL")
    # NORMAL syncs at checkpoints only: a killed process loses nothing. A power cut may take the last
    # transactions, never the file's soundness, and the ledger and the executors know what they held.
    raw.execute("PRAGMA synchronous = NORMAL")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    if version < SCHEMA_VERSION:
        _migrate(raw)
    elif _size(raw) <= _SMALL:
        _check(raw, place)


def _version(raw: sqlite3.Connection, place: str) -> int:
    """The schema's version, after a look at whether the file is what it says it is."""
    version = int(raw.execute("PRAGMA user_version").fetchone()[0])
    application = int(raw.execute("PRAGMA application_id").fetchone()[0])
    tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables and not version and not application:
        return 0
    if "_sqlite_migrations" not in tables:
        raise StateError(
            f"{place} is the database of another program",
            hint="move it away, or choose another state directory",
        )
    if application != APPLICATION_ID or version != _applied(raw):
        raise StateCorrupt(f"the state database {place} is damaged: its header is wrong", hint=REBUILD)
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{place} was made by a newer release (schema {version}, this one knows {SCHEMA_VERSION})",
            hint="install that release, or delete the file: the next pass makes it anew",
        )
    return version


def _applied(raw: sqlite3.Connection) -> int:
    row = raw.execute("SELECT count(*) FROM _sqlite_migrations WHERE migration_set = 'reconciler'").fetchone()
    return int(row[0])


def _size(raw: sqlite3.Connection) -> int:
    pages, page_size = (raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages) * int(page_size)


def _check(raw: sqlite3.Connection, place: str) -> None:
    finding = raw.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if finding != "ok":
        raise StateCorrupt(f"the state database {place} is damaged: {finding}", hint=REBUILD)


def _migrate(raw: sqlite3.Connection) -> None:
    """All pending migrations and the header, or none of them; another process may have been faster."""
    from sqlite_utils import Database

    from reconciler.state.migrations import migrations

    with _transaction(raw, "BEGIN IMMEDIATE"):
        migrations.apply(Database(raw))
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _transaction(raw: sqlite3.Connection, begin: str) -> Iterator[None]:
    raw.execute(begin)
    try:
        yield
        raw.execute("COMMIT")
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a mistake of ours, such as use after close
    except sqlite3.Error as exc:
        raise translate(exc, place) from exc
    except (OverflowError, UnicodeEncodeError) as exc:
        raise StateError(f"a value cannot be stored in {place}: {exc}") from exc
    except UnicodeDecodeError as exc:  # sqlite3 trips over a damaged name in a message of SQLite
        raise StateCorrupt(f"the state database {place} is damaged: {exc}", hint=REBUILD) from exc


def _uri(path: Path, read_only: bool) -> str:
    uri = path.absolute().as_uri()
    if not read_only:
        return uri + "?mode=rwc"
    # SQLite reads a WAL database through files beside it. Where they can neither be made nor exist,
    # nobody can be writing either, and the file may be read as it stands.
    if not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists():
        return uri + "?immutable=1"
    return uri + "?mode=ro"


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StateError(
            f"cannot make the state directory {directory}: {exc.strerror}",
            hint="choose another one with --state-dir",
        ) from exc


def _require_sqlite() -> None:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        needed = ".".join(map(str, _OLDEST_SQLITE))
        raise StateError(
            f"SQLite {needed} or newer is needed, this Python has {sqlite3.sqlite_version}",
            hint="use a Python that was built with a newer SQLite",
        )
