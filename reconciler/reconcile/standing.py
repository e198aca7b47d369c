"""Keeps what the state knows of the ledger's pages at the ledger's tip.

The overview names the latest run of every workflow, and reading 10,000 records takes seconds. So the state
remembers them with the commit that they stood at, and only what others wrote since then is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.git.ledger import LedgerBranch, LedgerTip
from reconciler.ledger import layout, overview
from reconciler.ledger.overview import Entry
from reconciler.state.store import State

PAGE = "ledger.page"
"""Where the state remembers a commit of ours and which file the overview is there."""


def follow(state: State, branch: LedgerBranch, tip: LedgerTip) -> None:
    """Bring what the state knows to `tip`."""
    commit = tip.commit or ""
    since = state.shown.commit()
    if since == commit:
        return
    changed: Iterable[tuple[str, bytes | None]] | None = branch.changed_records(since, tip) if since else None
    anew = changed is None
    found = branch.latest_records(tip) if changed is None else changed
    state.shown.show(commit, {place: _entry(content, place) for place, content in found}, anew=anew)


def remember(state: State, tip: str, shown: Iterable[Entry], page: str | None) -> None:
    """Note that `tip`, a commit of ours, shows these lines besides what stood before, and its overview."""
    state.shown.show(tip, {entry.place: entry for entry in shown})
    if page is not None:
        state.set_meta(PAGE, f"{tip} {page}")


def page(state: State, tip: LedgerTip) -> str | None:
    """The name of the overview at a tip that is ours; None where only a look at the tip can tell."""
    commit, _, name = (state.meta(PAGE) or "").partition(" ")
    return name if name and commit == tip.commit else None


def _entry(content: bytes | None, place: str) -> Entry | None:
    """The line of a record; people can write there too, and copies elsewhere are not what stands."""
    entry = overview.read_entry(content, place) if content else None
    return entry if entry is not None and layout.is_place(place, entry.workflow) else None
