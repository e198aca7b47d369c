"""The schema's history: append only. What was released is never edited, only followed by another function.

Tables are STRICT; `seal` is explained in `table`. Runs have a number of their own (`key`) because their
children repeat it; everything else has its natural key. Tables that are searched by text, row by row,
keep a rowid, so that SQLite's own check can compare them with their index. Times are RFC 3339 in UTC with
microseconds, which sorts as text; phases and kinds are the words that people know. The views are the part
for people: their columns stay. `connection.SCHEMA_VERSION` counts the functions, and the
statements of each have a file of their own.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

from reconciler.state.migrations import catalog, runs, standings, views

migrations = Migrations("reconciler")


@migrations()
def m001_runs(db: Database) -> None:
    """What was run, and what of it is not yet published."""
    _execute(db, runs.SQL)


@migrations()
def m002_catalog(db: Database) -> None:
    """What the repository holds at the last seen revision."""
    _execute(db, catalog.SQL)


@migrations()
def m003_views(db: Database) -> None:
    """The tables as people want to read them."""
    _execute(db, views.SQL)


@migrations()
def m004_standings(db: Database) -> None:
    """What the ledger shows of each workflow; until now all of that was one text in `meta`."""
    _execute(db, standings.SQL)


def _execute(db: Database, script: str) -> None:
    """Every statement of a script, each of which ends a line.

    `executescript` of sqlite3 would commit in between, and that of sqlite-utils asks after every character
    whether the statement is whole: that was most of what a new state took.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement.strip())
            statement = ""
