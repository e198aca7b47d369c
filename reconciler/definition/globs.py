"""Patterns for files of the repository: `*`, `?` and `[...]` within a name, `**` across directories.

`scripts/**` is everything below `scripts`; `**/*.py` every Python file, at the top too. Names that begin
with a dot are names like others. A pattern costs linear time: like `fnmatch`, each star takes the first
place where what follows it fits, which is as good as any later one, and never goes back.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

WILDCARDS = frozenset("*?[")
_CLASS = re.compile(r"\[(!?)(\]?[^\]/]*)\]")


def match(patterns: Iterable[str], paths: Collection[str]) -> list[str]:
    """The paths that any of the patterns matches, sorted."""
    return list(Listing(paths).match(patterns))


class Listing:
    """The paths of a repository, in an order in which those with a common beginning are together."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = paths
        self._sorted: list[str] | None = None
        self._found: dict[str, Sequence[str]] = {}

    def match(self, patterns: Iterable[str]) -> Sequence[str]:
        """The paths that any of the patterns matches, sorted."""
        found = [self.match_one(pattern) for pattern in patterns]
        return found[0] if len(found) == 1 else sorted({path for paths in found for path in paths})

    def match_one(self, pattern: str) -> Sequence[str]:
        """The paths that the pattern matches; looked for once, however many workflows ask."""
        if pattern not in self._found:
            self._found[pattern] = self._look_for(pattern)
        return self._found[pattern]

    def _look_for(self, pattern: str) -> list[str]:
        if is_literal(pattern):
            return [pattern] if pattern in self._paths else []
        if pattern.endswith("/**") and is_literal(pattern[:-3]):
            return self._below(pattern[:-2])
        prefix = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
        fits = _compiled(pattern).fullmatch
        return [path for path in self._below(prefix) if fits(path)]

    def has_directory(self, path: str) -> bool:
        """Whether there are files below `path`."""
        return bool(self._below(path.rstrip("/") + "/"))

    def _below(self, prefix: str) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._paths)
        first = bisect_left(self._sorted, prefix)
        last = bisect_left(self._sorted, prefix + "\U0010ffff", first)
        return self._sorted[first:last]


def is_literal(pattern: str) -> bool:
    """Whether the pattern is the path of one file."""
    return WILDCARDS.isdisjoint(pattern)


def problem(pattern: str) -> str | None:
    """What is wrong with a pattern, as a sentence."""
    parts = pattern.split("/")
    if ".." in parts:
        return "A pattern cannot leave the repository by '..'."
    if "" in parts or "." in parts:
        return "A path has no empty and no '.' parts. For everything in a directory, write dir/**."
    if any("**" in part and part != "**" for part in parts):
        return "'**' stands alone between slashes, as in src/**/*.py."
    if "[" in pattern:
        try:
            _compiled(pattern)
        except re.error:
            return "What stands in [...] is no set of characters: a range goes upwards, as in [a-z]."
    return None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression without backtracking over more than one star."""
    blocks: list[list[str]] = [[]]
    for part in pattern.split("/"):
        if part != "**":
            blocks[-1].append(_name(part))
        elif blocks[-1] or len(blocks) == 1:
            blocks.append([])
    first, *others = ["/".join(block) for block in blocks]
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    text = first + "/" if first else ""
    text += "".join(f"(?>(?:[^/]+/)*?{block}/)" for block in middle)
    text += f"(?:[^/]+/)*{last}" if last else ".+"
    return re.compile(text, re.DOTALL)


def _name(part: str) -> str:
    """One name of a pattern, with each star but the last taking the first fit for good."""
    fixed = [_characters(piece) for piece in re.split(r"\*+", part)]
    if len(fixed) == 1:
        return fixed[0]
    return fixed[0] + "".join(f"(?>[^/]*?{piece})" for piece in fixed[1:-1]) + f"[^/]*{fixed[-1]}"


def _characters(piece: str) -> str:
    """A piece without stars; a `[` that nothing closes means itself."""
    text, index = "", 0
    while index < len(piece):
        found = _CLASS.match(piece, index)
        if found and found[2]:
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", found[2])
            text += f"[^/{inside}]" if found[1] else f"(?!/)[{inside}]"
            index = found.end()
        else:
            text += "[^/]" if piece[index] == "?" else re.escape(piece[index])
            index += 1
    return text
