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
from reconciler.state.rows import CHOSEN, chosen
from reconciler.state.table import Row, Table

STANDINGS = Table(
    "standings", ("workflow", "place", "hidden", "phase", "finished_at", "entry"), ("workflow", "place")
)
COUNTS = Table("standing_counts", ("directory", "phase", "count"), ("directory", "phase"))
TABLES = (STANDINGS, COUNTS)

# The conditions of the two indices, word for word; without them each push would read every row.
_FAILING = "hidden = 0 AND phase IN ('Failed', 'Cancelled')"
_OTHERS = "hidden = 0 AND phase NOT IN ('Failed', 'Cancelled')"

_Places = dict[str, Entry]


def clear(cursor: sqlite3.Cursor) -> None:
    """Forget all of it."""
    cursor.execute("DELETE FROM standings")
    cursor.execute("DELETE FROM standing_counts")


def change(cursor: sqlite3.Cursor, changed: Mapping[str, Entry | None]) -> None:
    """Note what stands at each place now; None: nothing. A place ends with the name of its workflow."""
    names = chosen({place.rpartition("/")[2] for place in changed})
    where = f"workflow IN {CHOSEN}"
    before = {str(row[1]): _entry(row) for row in STANDINGS.select(cursor, where, (names,))}
    after = {place: entry for place, entry in {**before, **changed}.items() if entry is not None}
    cursor.execute(f"DELETE FROM standings WHERE {where}", (names,))
    shown = _shown(after)
    STANDINGS.add(cursor, (_row(place, entry, shown) for place, entry in after.items()))
    _count(cursor, shown.values(), _shown(before).values())


def entries(cursor: sqlite3.Cursor, names: Collection[str]) -> dict[str, Entry]:
    """The lines of the workflows `names`, as far as they stand anywhere."""
    rows = STANDINGS.select(cursor, f"hidden = 0 AND workflow IN {CHOSEN}", (chosen(names),))
    return {str(row[0]): _entry(row) for row in rows}


def rest(cursor: sqlite3.Cursor, known: Collection[Entry]) -> Rest:
    """What the overview says of all workflows but those of `known`, whose lines as they stand these are."""
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
