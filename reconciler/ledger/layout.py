"""Where a workflow stands in the ledger's tree.

At the top while the root is small, because people look there first; later ones under two hex digits
of their name's hash, because git and hosts become slow with wide directories. Whoever has a place
keeps it, so that `git log -- <place>` stays one history.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Final

ROOT_LIMIT: Final = 900
SHARDS: Final = "_"

_name: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def place(name: str, taken: Collection[str], where: Mapping[str, str]) -> str:
    """The directory of workflow `name`; `taken` are the names in the root, `where` the places so far."""
    if not _name.fullmatch(name):
        raise ValueError(f"{name!r:.80} is not a workflow name, so it gets no directory in the ledger")
    if name in where:
        return where[name]
    if name in taken or len(taken) < ROOT_LIMIT:
        return name
    return f"{SHARDS}/{sha256(name.encode()).hexdigest()[:2]}/{name}"


def places(root: Collection[str], shards: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Where workflows stand at a tip, from the names in its root and in each directory below `_`."""
    sharded = {
        name: f"{SHARDS}/{shard}/{name}"
        for shard, names in shards.items()
        for name in names
        if _name.fullmatch(name)
    }
    return sharded | {name: name for name in root if _name.fullmatch(name)}
