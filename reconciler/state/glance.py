"""What a pass must know before it knows whether there is anything to do, without the cost of the rest.

Loading the vocabulary of runs takes longer than reading this answer. Anything unusual (no file, another
release's, a damaged one) is no answer: the pass then opens the state properly, and meets it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reconciler.errors import ReconcilerError
from reconciler.state.connection import Connection
from reconciler.state.table import Table
from reconciler.state.tally import counts

if TYPE_CHECKING:
    from pathlib import Path

META = Table("meta", ("key", "value"), ("key",))

STARTABLE = "on_change = 1 AND suspend = 0 AND digest IS NOT started_digest"
"""The condition of the index `workflows_startable`, word for word."""


class Glance(NamedTuple):
    """`pending`: a run is open, unpublished or to be started; `meta`: everything noted under a key."""

    pending: bool
    meta: dict[str, str]


def glance(path: Path) -> Glance | None:
    """A look at the state database at `path`; None where only opening it properly tells more."""
    if not path.exists():
        return None
    try:
        connection = Connection.open(path, read_only=True)
    except ReconcilerError:
        return None
    try:
        with connection.read() as cursor:
            startable = cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM workflows WHERE {STARTABLE})"
            ).fetchone()[0]
            noted = {str(key): str(value) for key, value in META.select(cursor, "true")}
            return Glance(bool(startable or counts(cursor)), noted)
    except ReconcilerError:
        return None
    finally:
        connection.close()
