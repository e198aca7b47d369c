"""What a push consists of: one commit per finished run, the overview with the last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from reconciler.ledger import message, overview, page
from reconciler.ledger.layout import place
from reconciler.ledger.moment import read
from reconciler.ledger.overview import Entry, Rest
from reconciler.ledger.record import Record, dumps
from reconciler.model.ledger import LedgerCommit


@dataclass(frozen=True, slots=True)
class Tip:
    """What a ledger branch holds: the names in its root; the place and the latest run of each workflow that
    may get new ones, and what `rest` has of the others.

    `occupied` are the paths that no new workflow may use, as `layout.place` wants them; `overview` is the
    page in the root that is ours or free, None where people's files stand at all its names.
    """

    taken: Collection[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    rest: Rest = overview.NO_OTHERS
    occupied: Set[str] = frozenset()
    overview: str | None = overview.NAMES[0]

    def after(self, records: Iterable[Record]) -> Tip:
        """What it holds once `records` are committed."""
        taken, places, entries = set(self.taken), dict(self.places), dict(self.entries)
        for record in records:
            name = record["workflow"]
            places[name] = place(name, taken, places, self.occupied)
            taken.add(places[name].partition("/")[0])
            entries[name] = overview.entry(record, places[name])
        return replace(self, taken=taken, places=places, entries=entries)


def commits(records: Sequence[Record], tip: Tip, branch: str = "runs") -> list[LedgerCommit]:
    """The commits that publish `records` upon `tip`, in their order."""
    return list(each_commit(records, tip, tip.after(records), branch))


def each_commit(
    records: Sequence[Record], tip: Tip, after: Tip, branch: str = "runs"
) -> Iterator[LedgerCommit]:
    """The same, so that git takes one in while the next is made; `after` is `tip.after(records)`."""
    for number, record in enumerate(records, 1):
        made = _commit(record, after.places[record["workflow"]], branch)
        if number == len(records) and tip.overview:
            files = {**made.files, tip.overview: overview.render(after.entries.values(), after.rest).encode()}
            made = LedgerCommit(made.message, made.when, files)
        yield made


def _commit(record: Record, where: str, branch: str) -> LedgerCommit:
    """Dated by the end of the run, so that the same run gives the same commit."""
    files = {
        f"{where}/run.json": dumps(record),
        f"{where}/README.md": page.render(record, where, branch).encode(),
    }
    when = int(read(record.get("finishedAt") or record["createdAt"]).timestamp())
    return LedgerCommit(message.render(record), when, files)
