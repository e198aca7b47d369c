"""The latest run of each workflow as a commit of the ledger shows it, so that one push reads what it needs.

The overview counts all workflows and names a few hundred. So the lines are rows, in an index by their end,
and the counts are kept beside them: with 10,000 workflows, a push of one run touches a few rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from reconciler.ledger import overview
from reconciler.ledger.overview import FAILING, NEWEST, Entry, Rest
from reconciler.state.catalog import META
from reconciler.state.connection import Connection
from reconciler.state.rows import CHOSEN, chosen
from reconciler.state.table import Row, Table

STANDINGS = Table(
    "standings", ("workflow", "place", "hidden", "phase", "finished_at", "entry"), ("workflow", "place")
)
COUNTS = Table("standing_counts", ("directory", "phase", "count"), ("directory", "phase"))
TABLES = (STANDINGS, COUNTS)

_COMMIT = "ledger.shown"

# The conditions of the two indices, word for word; without them each push would read every row.
_FAILING = "hidden = 0 AND phase IN ('Failed', 'Cancelled')"
_OTHERS = "hidden = 0 AND phase NOT IN ('Failed', 'Cancelled')"

_Places = dict[str, Entry]


class Standing:
    """What a commit of the ledger shows; each method is one transaction, as those of the state."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def commit(self) -> str | None:
        """The commit that this tells of; None before the first."""
        with self._connection.read() as cursor:
            return next((str(value) for _, value in META.select(cursor, "key = ?", (_COMMIT,))), None)

    def show(self, commit: str, changed: Mapping[str, Entry | None], *, anew: bool = False) -> None:
        """Note what `commit` shows at the places that changed since the last one (None: nothing any more);
        with `anew`, at all. A place ends with the name of its workflow."""
        with self._connection.write() as cursor:
            if anew:
                cursor.execute("DELETE FROM standings")
                cursor.execute("DELETE FROM standing_counts")
            _change(cursor, changed)
            META.put(cursor, [(_COMMIT, commit)])

    def lines(self, names: Collection[str]) -> tuple[dict[str, Entry], Rest]:
        """The lines of those workflows, as far as they have one, and what the overview says of all others."""
        where = f"hidden = 0 AND workflow IN {CHOSEN}"
        with self._connection.read() as cursor:
            rows = STANDINGS.select(cursor, where, (chosen(names),))
            known = {str(row[0]): _entry(row) for row in rows}
            return known, _rest(cursor, known.values())


def _change(cursor: sqlite3.Cursor, changed: Mapping[str, Entry | None]) -> None:
    names = chosen({place.rpartition("/")[2] for place in changed})
    where = f"workflow IN {CHOSEN}"
    before = {str(row[1]): _entry(row) for row in STANDINGS.select(cursor, where, (names,))}
    after = {place: entry for place, entry in {**before, **changed}.items() if entry is not None}
    cursor.execute(f"DELETE FROM standings WHERE {where}", (names,))
    shown = _shown(after)
    STANDINGS.add(cursor, (_row(place, entry, shown) for place, entry in after.items()))
    _count(cursor, shown.values(), _shown(before).values())


def _rest(cursor: sqlite3.Cursor, known: Collection[Entry]) -> Rest:
    """All workflows but those of `known`, whose lines as they stand these are."""
    counts = Counter(_counts(cursor))
    counts.subtract(overview.counts(known))
    names = chosen(entry.workflow for entry in known)
    newest: list[Entry] = []
    for condition, limit in ((_FAILING, FAILING), (_OTHERS, NEWEST)):
        where = f"{condition} AND workflow NOT IN {CHOSEN} ORDER BY finished_at DESC, workflow LIMIT ?"
        newest += map(_entry, STANDINGS.select(cursor, where, (names, limit)))
    return Rest(dict(+counts), tuple(newest))


def _shown(places: _Places) -> _Places:
    """By workflow, the line that counts; of two places, the one at the top."""
    top_last = sorted(places.items(), key=lambda each: ("/" not in each[0], each[0]))
    return {entry.workflow: entry for _, entry in top_last}


def _count(cursor: sqlite3.Cursor, more: Iterable[Entry], less: Iterable[Entry]) -> None:
    by = overview.counts(more)
    by.subtract(overview.counts(less))
    changes = {what: number for what, number in by.items() if number}
    counts = _counts(cursor)
    COUNTS.put(cursor, [(*what, counts.get(what, 0) + number) for what, number in changes.items()])
    cursor.execute("DELETE FROM standing_counts WHERE count = 0")


def _counts(cursor: sqlite3.Cursor) -> dict[tuple[str, str], int]:
    return {(str(row[0]), str(row[1])): int(str(row[2])) for row in COUNTS.select(cursor, "true")}


def _row(place: str, entry: Entry, shown: _Places) -> Row:
    """As JSON, because others may write numbers into the ledger that no column holds."""
    hidden = int(shown[entry.workflow] is not entry)
    return (entry.workflow, place, hidden, entry.phase, entry.finished_at, json.dumps(entry))


def _entry(row: Row) -> Entry:
    return Entry._make(json.loads(str(row[5])))
