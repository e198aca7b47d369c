"""The one place where SQLite's exceptions become ours.

Extended result codes keep the primary code in the low byte. All SQL in this package is constant and
tested, so an error that speaks of the schema or of a constraint means that the file is not what was written.
"""

from __future__ import annotations

import sqlite3

from reconciler.errors import LockHeld, ReconcilerError, StateCorrupt, StateError

REBUILD = "`reconciler rebuild` makes it anew from the repository and the executors; nothing else is lost"
_ROOM = "free space there, then run again; what was recorded before still stands"
_WRITABLE = "the state directory must be writable for this user; choose another one with --state-dir"

_REFUSALS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("the disk is full", _ROOM),
    sqlite3.SQLITE_IOERR: ("the disk answers with an error, or is full", _ROOM),
    sqlite3.SQLITE_READONLY: ("it cannot be written", _WRITABLE),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", _WRITABLE),
    sqlite3.SQLITE_PERM: ("access is denied", _WRITABLE),
    sqlite3.SQLITE_TOOBIG: ("a value is too large to be stored", "pass large values as artifacts"),
}


def translate(exc: sqlite3.Error, path: str) -> ReconcilerError:
    """Our exception for `exc`, met while working on the database at `path`."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # sqlite3 itself gives none
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockHeld(
            f"the state database {path} is being written by another process",
            hint="end the other program's transaction, then run again",
        )
    if code in _REFUSALS:
        what, hint = _REFUSALS[code]
        return StateError(f"the state database {path} is unusable: {what} ({exc})", hint=hint)
    return StateCorrupt(f"the state database {path} is damaged: {exc}", hint=REBUILD)
