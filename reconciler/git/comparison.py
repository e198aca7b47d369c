"""What differs between two trees, asked directory by directory.

`git diff-tree -r` gathers everything before it prints, and a few objects can stand for more files than there
is memory. Without `-r` it is bounded by the size of one directory, and the usual change is in one or two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from reconciler.git.command import Git
from reconciler.git.tree import DIRECTORY, GONE, TreeEntry, entry

DIRECTORIES = 16
"""Changed directories from which a list of everything is as fast."""

_EMPTY = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}


def changes(git: Git, base: str, revision: str, most: int) -> list[TreeEntry] | None:
    """The files that are not the same, as they are at `revision` (or gone); None where they are too many."""
    found: dict[str, TreeEntry] = {}
    waiting = deque([(b"", base, revision)])
    for _ in range(DIRECTORIES):
        if not waiting:
            return list(found.values())
        above, *trees = waiting.popleft()
        for path, old_mode, mode, old, new in _differing(git, above, *trees):
            if DIRECTORY in (old_mode, mode):
                empty = _EMPTY[len(new)]
                pair = (old if old_mode == DIRECTORY else empty, new if mode == DIRECTORY else empty)
                waiting.append((path + b"/", *pair))
            if mode != DIRECTORY and (mode != GONE or old_mode != DIRECTORY):
                each = entry(path, mode, new)
                if each.path in found or len(found) == most:
                    return None  # a name that stands twice is for the list to judge
                found[each.path] = each
            elif mode == DIRECTORY and old_mode not in (DIRECTORY, GONE):
                gone = entry(path, GONE, old)
                found[gone.path] = gone
    return None


def _differing(git: Git, above: bytes, old: str, new: str) -> Iterator[tuple[bytes, str, str, str, str]]:
    """Path, modes and ids, before and after, of what differs in one directory."""
    arguments = ("-z", "--no-abbrev", "--no-renames", "--end-of-options", old, new)
    items = git.items("diff-tree", *arguments, doing="compare two revisions")
    for about, name in zip(items, items, strict=True):
        old_mode, mode, old_id, new_id, _ = about.decode("ascii").removeprefix(":").split(" ")
        yield above + name, old_mode, mode, old_id, new_id
