"""Where a workflow stands in the ledger's tree.

At the top while the root is small, because people look there first; later ones under two hex digits
of their name's hash, because git and hosts become slow with wide directories. Whoever has a place
keeps it, so that `git log -- <place>` stays one history. The branch may hold people's files too, even
be the one with the workflows: what is theirs is never a place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Set
from hashlib import sha256
from itertools import count
from typing import Final

ROOT_LIMIT: Final = 900
SHARDS: Final = "_"
"""Where the shards stand; repeated (`__`) where people's files are in the way."""

_name: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def place(
    name: str, root: Collection[str], where: Mapping[str, str], occupied: Set[str] = frozenset()
) -> str:
    """The directory of workflow `name`: the one in `where`, or a new one that nothing stands in the way of.

    `root` are the names in the root, in lower case; `occupied` is what the function of that name finds.
    """
    if not _name.fullmatch(name):
        raise ValueError(f"{name!r:.80} is not a workflow name, so it gets no directory in the ledger")
    if name in where:
        return where[name]
    if name not in root and len(root) < ROOT_LIMIT:
        return name
    shards = (_below(SHARDS * times, name) for times in count(1))
    return next(path for path in shards if occupied.isdisjoint(_way(path)))


def is_place(path: str, name: str) -> bool:
    """Whether workflow `name` may stand at `path`; copies of a ledger in people's folders are no places."""
    if path == name:
        return bool(_name.fullmatch(name))
    shards = path.partition("/")[0]
    return not shards.strip(SHARDS) and path == _below(shards, name)


def questions(names: Iterable[str], root: Collection[str]) -> list[str]:
    """The paths in shards that decide where new workflows of these names go."""
    shards = [name for name in root if not name.strip(SHARDS)]
    return sorted({part for each in shards for name in names for part in _way(_below(each, name))})


def occupied(kinds: Mapping[str, str]) -> set[str]:
    """Of paths with what stands there: those that can be no place and no way to one."""
    return {path for path, kind in kinds.items() if kind != "tree" or path.count("/") == 2}


def _below(shards: str, name: str) -> str:
    return f"{shards}/{sha256(name.encode()).hexdigest()[:2]}/{name}"


def _way(path: str) -> tuple[str, str, str]:
    """A path in the shards, and the directories that lead there."""
    shards, shard, _ = path.split("/")
    return shards, f"{shards}/{shard}", path
