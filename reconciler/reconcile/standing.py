"""The latest run of each workflow as the ledger's tip shows it, remembered from push to push.

The overview page names them all, and reading 10,000 records takes seconds. So they are kept with the
commit that they stood at, and only what others wrote since then is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.git.ledger import LedgerBranch, LedgerTip
from reconciler.ledger import layout, overview
from reconciler.ledger.overview import Entry
from reconciler.state.store import State

KEPT = "ledger.overview"


def entries(state: State, branch: LedgerBranch, tip: LedgerTip) -> dict[str, Entry]:
    """The lines of the overview at `tip`, by workflow; of two places, the one at the top counts."""
    since, _, text = (state.meta(KEPT) or "").partition("\n")
    changed: Iterable[tuple[str, bytes | None]] | None
    changed = () if since == tip.commit else branch.changed_records(since, tip)
    if changed is None:
        changed, text = branch.latest_records(tip), ""
    found = {entry.place: entry for entry in overview.reads(text or "[]")}
    for place, content in changed:
        found.pop(place, None)
        entry = overview.read_entry(content, place) if content else None
        if entry is not None and layout.is_place(place, entry.workflow):  # people can write there too
            found[place] = entry
    top_last = sorted(found.values(), key=lambda entry: "/" not in entry.place)
    return {entry.workflow: entry for entry in top_last}


def remember(state: State, tip: str, shown: Iterable[Entry]) -> None:
    """Keep the lines that stand at `tip` now."""
    state.set_meta(KEPT, f"{tip}\n{overview.dumps(shown)}")
