"""What the remote answered to a push: taken, beaten by another writer, or refused.

Read from `--porcelain`, which is meant for programs: one line `<flag>\\t<from>:<to>\\t<summary>` a ref.
"""

from __future__ import annotations

# Somebody else's push came first. Servers differ in which of these they say, and some say it as
# "[remote rejected]", so the words count and not the bracket.
_RACES = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value",
    "reference already exists",
    "failed to lock",
)


def rejection(porcelain: bytes) -> str | None:
    """Why the ref was not updated; None where git spoke of no rejected ref."""
    for line in porcelain.decode("utf-8", "replace").splitlines():
        flag, _, rest = line.partition("\t")
        if flag == "!":
            return rest.rpartition("\t")[2]
    return None


def is_race(reason: str) -> bool:
    """Whether the same push, made again upon the new tip, may succeed."""
    return any(words in reason for words in _RACES)
