"""The check that reads the whole file: what SQLite can tell, and what only the seals of the rows can."""

from __future__ import annotations

import sqlite3

from reconciler.errors import StateCorrupt
from reconciler.state import catalog, standing, tally
from reconciler.state.recording import DEFINITIONS
from reconciler.state.rows import ARTIFACTS, ATTEMPTS, PARAMETERS, PUBLICATIONS, RUNS, STEPS
from reconciler.state.table import Table

TABLES: tuple[Table, ...] = (
    DEFINITIONS,
    RUNS,
    STEPS,
    ATTEMPTS,
    ARTIFACTS,
    PARAMETERS,
    PUBLICATIONS,
    tally.TALLIES,
    *catalog.TABLES,
    *standing.TABLES,
)


def findings(cursor: sqlite3.Cursor) -> list[str]:
    """Everything wrong in the database, in sentences."""
    found = [str(row[0]) for row in cursor.execute("PRAGMA integrity_check").fetchall() if row[0] != "ok"]
    orphans = cursor.execute("PRAGMA foreign_key_check").fetchall()
    found += [f"a row of {row[0]} belongs to no row of {row[2]}" for row in orphans]
    for table in TABLES:
        try:
            table.verify(cursor)
        except StateCorrupt as error:
            found.append(error.message)
    return found
