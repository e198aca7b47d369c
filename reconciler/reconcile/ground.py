"""What the ledger's tip holds, as far as new commits depend on it: what is ours, and what is not.

The branch may be any, with people's files in it. A directory is a workflow's only if a record of it stands
there, and a page in the root is ours only if it says so; everything else is left as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.git.ledger import LedgerBranch, LedgerTip
from reconciler.ledger import commits, layout, overview
from reconciler.reconcile import standing
from reconciler.state.store import State


def survey(state: State, branch: LedgerBranch, tip: LedgerTip, names: Collection[str]) -> commits.Tip:
    """What stands at `tip`, for commits of runs of the workflows `names`."""
    standing.follow(state, branch, tip)
    entries, rest = state.shown.lines(names)
    places = {name: entry.place for name, entry in entries.items()}
    newcomers = [name for name in names if name not in places]
    if not newcomers and (page := standing.page(state, tip)):
        return commits.Tip(places=places, entries=entries, rest=rest, overview=page)
    kinds = branch.kinds(tip)
    root = {name.lower() for name in kinds}  # `Data` is `data` on many a person's disk
    occupied = layout.occupied(kinds)
    if newcomers and (questions := layout.questions(newcomers, root)):
        occupied |= layout.occupied(branch.kinds(tip, questions))
    return commits.Tip(root, places, entries, rest, occupied, _overview(branch, tip, kinds, root))


def _overview(
    branch: LedgerBranch, tip: LedgerTip, kinds: Mapping[str, str], root: Collection[str]
) -> str | None:
    """The first name for the overview that is free or holds ours."""
    for name in overview.NAMES:
        if name.lower() not in root:
            return name
        if kinds.get(name) == "blob" and overview.is_ours(branch.file(tip, name) or b""):
            return name
    return None
