"""The ledger's first page: every workflow with its latest run, failures first, bounded for 10,000.

The branch may hold people's files, so the page says in its first line whose it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
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

_failing: Final = (Phase.FAILED, Phase.CANCELLED)


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


def dumps(entries: Iterable[Entry]) -> str:
    """The lines as text, to be kept until the next push."""
    return json.dumps(list(entries), separators=(",", ":"))


def reads(text: str) -> Iterator[Entry]:
    """What `dumps` wrote."""
    return map(Entry._make, json.loads(text))


def is_ours(content: bytes) -> bool:
    """Whether a page was written by `render`."""
    return content.partition(b"\n")[0].rstrip() == MARKER.encode()


def render(entries: Collection[Entry]) -> str:
    """The page; the order of `entries` does not matter.

    Git keeps what changed in it, with every push. So the newest are shown in the order of their names, that a
    run may move no other line; and in columns, because git compares with pages of about the same length, and
    those should be the last ones.
    """
    newest = sorted(sorted(entries), key=attrgetter("finished_at"), reverse=True)
    failing = [entry for entry in newest if entry.phase in _failing]
    others = [entry for entry in newest if entry.phase not in _failing]
    sections = [
        f"{MARKER}\n# Runs",
        _counts(entries),
        _section("Failing", failing, FAILING),
        _section("Latest", others, NEWEST),
        _rest(failing[FAILING:] + others[NEWEST:]),
        "Each run is a commit of this branch: `git log -- <workflow>`.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _counts(entries: Collection[Entry]) -> str:
    counts = Counter(entry.phase for entry in entries)
    phases = ", ".join(f"{counts[phase]} {phase}" for phase in Phase if counts[phase])
    return f"{len(entries)} workflow{'s' if len(entries) != 1 else ''}: {phases or 'no run yet'}."


def _section(title: str, entries: Sequence[Entry], limit: int) -> str:
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
        for entry in sorted(entries[:limit])
    ]
    return f"## {title}\n\n" + table(("Workflow", "Phase", "Run", "Finished (UTC)", "Took"), rows)


def _rest(entries: Collection[Entry]) -> str:
    """Where the workflows are that no table shows, by directory."""
    if not entries:
        return ""
    counts = Counter(entry.place.rpartition("/")[0] for entry in entries)
    top = f"{counts.pop('')} beside this page" if "" in counts else ""
    below = ", ".join(
        f"{local_link(directory, directory)} {counts[directory]}" for directory in sorted(counts)
    )
    return f"... and {len(entries)} more: {', '.join(part for part in (top, below) if part)}."
