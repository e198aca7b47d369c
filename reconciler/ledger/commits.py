"""What a push consists of: one commit per finished run, the overview with the last."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.ledger import message, overview, page
from reconciler.ledger.layout import place
from reconciler.ledger.moment import read
from reconciler.ledger.overview import Entry
from reconciler.ledger.record import Record, dumps
from reconciler.model.ledger import LedgerCommit


@dataclass(frozen=True, slots=True)
class Tip:
    """What the ledger holds before the push: the names in its root, each workflow's place and latest run."""

    taken: Collection[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)
    entries: Collection[Entry] = ()


def commits(records: Sequence[Record], tip: Tip, branch: str = "runs") -> list[LedgerCommit]:
    """The commits that publish `records`, in their order."""
    taken, places = set(tip.taken), dict(tip.places)
    entries = {entry.workflow: entry for entry in tip.entries}
    made = []
    for number, record in enumerate(records, start=1):
        name = record["workflow"]
        where = places[name] = place(name, taken, places)
        taken.add(where.partition("/")[0])
        entries[name] = overview.entry(record, where)
        files = _files(record, where, branch)
        if number == len(records):
            files["README.md"] = overview.render(entries.values()).encode()
        made.append(LedgerCommit(message.render(record), _when(record), files))
    return made


def _files(record: Record, where: str, branch: str) -> dict[str, bytes]:
    return {
        f"{where}/record.json": dumps(record),
        f"{where}/README.md": page.render(record, where, branch).encode(),
    }


def _when(record: Record) -> int:
    """Author and committer date: the end of the run, so that the same run gives the same commit."""
    return int(read(record.get("finishedAt") or record["createdAt"]).timestamp())
