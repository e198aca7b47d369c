"""How many runs are open, and how many wait to be published: counted apart from the lists themselves.

A damaged index hides a row without a trace. An open run that nobody sees would never end, and a waiting one
never reach the ledger, so these two lists are compared with their count whenever they are read.
"""

from __future__ import annotations

import sqlite3

from reconciler.errors import StateCorrupt
from reconciler.state.failures import REBUILD
from reconciler.state.table import Table

TALLIES = Table("tallies", ("name", "count"), ("name",))

OPEN = "open runs"
WAITING = "runs to publish"


def counts(cursor: sqlite3.Cursor) -> dict[str, int]:
    """Every count that is not zero."""
    return {str(name): int(str(count)) for name, count in TALLIES.select(cursor, "true") if count}


def change(cursor: sqlite3.Cursor, name: str, by: int) -> None:
    if by:
        TALLIES.put(cursor, [(name, counts(cursor).get(name, 0) + by)])


def expect(cursor: sqlite3.Cursor, name: str, found: int, limit: int | None = None) -> None:
    """Raise StateCorrupt unless `found` (of at most `limit`) is all there is."""
    count = counts(cursor).get(name, 0)
    if found != (count if limit is None else min(count, limit)):
        raise StateCorrupt(
            f"the state database is damaged: {count} {name} were recorded, {found} are found", hint=REBUILD
        )
