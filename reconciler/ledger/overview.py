"""The ledger's first page: every workflow with its latest run, failures first, bounded for 10,000.

The branch may hold people's files, so the page says in its first line whose it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reconciler.ledger.markdown import local_link, table, word
from reconciler.ledger.moment import read, stamp, took
from reconciler.ledger.restore import loads
from reconciler.model.run import Phase

NAMES: Final = ("README.md", "RUNS.md")
"""What the page may be called; the first name that is free or ours is taken."""

MARKER: Final = "<!-- Written by Reconciler. Every push of results replaces this page. -->"
FAILING: Final = 200
NEWEST: Final = 100

FAILURES: Final = (Phase.FAILED, Phase.CANCELLED)


class Entry(NamedTuple):
    """The latest run of one workflow; `place` is the directory of its page, `finished_at` as records have it.

    There may be 10,000 at each push, hence a tuple, and a time that sorts as it is.
    """

    workflow: str
    place: str
    number: int
    phase: str
    finished_at: str
    duration: float | None = None


class Rest(NamedTuple):
    """All that the page says of the workflows whose lines are not given one by one.

    `counts` is by directory (of the place) and phase; `newest` has at least the newest `FAILING` of those
    that fail and the newest `NEWEST` of the others, as far as there are that many.
    """

    counts: Mapping[tuple[str, str], int]
    newest: Sequence[Entry]


NO_OTHERS: Final = Rest(MappingProxyType({}), ())


def entry(record: Mapping[str, Any], place: str) -> Entry:
    """The overview's line for `record`."""
    return Entry(
        workflow=record["workflow"],
        place=place,
        number=record["number"],
        phase=str(Phase(record["phase"])),
        finished_at=stamp(read(record.get("finishedAt") or record["createdAt"])),
        duration=record.get("duration"),
    )


def read_entry(content: bytes, place: str) -> Entry | None:
    """The line for a `run.json` as it stands in the ledger; None for what is no record."""
    try:
        found = entry(loads(content), place)
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    sound = isinstance(found.workflow, str) and isinstance(found.number, int)
    return found if sound and isinstance(found.duration, float | int | None) else None


def counts(entries: Iterable[Entry]) -> Counter[tuple[str, str]]:
    """How many there are, by directory and phase."""
    return Counter((entry.place.rpartition("/")[0], entry.phase) for entry in entries)


def is_ours(content: bytes) -> bool:
    """Whether a page was written by `render`."""
    return content.partition(b"\n")[0].rstrip() == MARKER.encode()


def render(entries: Collection[Entry], rest: Rest = NO_OTHERS) -> str:
    """The page of `entries` and of the workflows in `rest`, who are others; the order does not matter.

    Git keeps what changed in it, with every push. So the newest are shown in the order of their names, that a
    run may move no other line; and in columns, because git compares with pages of about the same length, and
    those should be the last ones.
    """
    newest = sorted(sorted([*entries, *rest.newest]), key=attrgetter("finished_at"), reverse=True)
    failing = [entry for entry in newest if entry.phase in FAILURES][:FAILING]
    others = [entry for entry in newest if entry.phase not in FAILURES][:NEWEST]
    every = counts(entries)
    every.update(rest.counts)
    sections = [
        f"{MARKER}\n# Runs",
        _totals(every),
        _section("Failing", failing),
        _section("Latest", others),
        _more(every - counts(failing + others)),
        "Each run is a commit of this branch: `git log -- <workflow>`.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _totals(every: Counter[tuple[str, str]]) -> str:
    of_phase: Counter[str] = Counter()
    for (_, phase), count in every.items():
        of_phase[phase] += count
    phases = ", ".join(f"{of_phase[phase]} {phase}" for phase in Phase if of_phase[phase])
    total = every.total()
    return f"{total} workflow{'s' if total != 1 else ''}: {phases or 'no run yet'}."


def _section(title: str, entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    rows = [
        (
            local_link(word(entry.workflow), f"{entry.place}/README.md"),
            f"{entry.phase:9}",
            f"#{entry.number:<6}",
            entry.finished_at[:19].replace("T", " "),
            f"{took(entry.duration):6}",
        )
        for entry in sorted(entries)
    ]
    return f"## {title}\n\n" + table(("Workflow", "Phase", "Run", "Finished (UTC)", "Took"), rows)


def _more(unshown: Counter[tuple[str, str]]) -> str:
    """Where the workflows are that no table shows, by directory."""
    if not unshown:
        return ""
    counts: Counter[str] = Counter()
    for (directory, _), count in unshown.items():
        counts[directory] += count
    top = f"{counts.pop('')} beside this page" if "" in counts else ""
    below = ", ".join(
        f"{local_link(directory, directory)} {counts[directory]}" for directory in sorted(counts)
    )
    return f"... and {unshown.total()} more: {', '.join(part for part in (top, below) if part)}."
