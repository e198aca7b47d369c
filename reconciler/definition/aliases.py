"""Anchors, aliases and merge keys, with a bound on what they can grow to.

A document of 300 bytes can stand for gigabytes once its aliases are expanded, and the parsed values share
memory, so only whoever walks them notices. Each use of an alias is therefore charged with the whole size
of what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.definition.words import kind, show

MAX_EXPANSION = 1_000_000
"""Characters and values that the aliases of one document may stand for."""

MERGE_KEY = "\0<<"
"""Where a mapping that is being built keeps what `<<` merges into it; no key that was written equals it."""


class AliasRefused(Exception):
    """The alias cannot be expanded, and nothing sensible follows."""


class Anchors:
    """The anchors of one document so far."""

    def __init__(self, max_depth: int) -> None:
        self._values: dict[str, Any] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._expanded = 0
        self._max_depth = max_depth

    def define(self, name: str, value: Any) -> None:
        self._values[name] = value

    def names(self) -> Iterable[str]:
        return self._values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def expand(self, name: str, enclosing: Iterable[Any]) -> Any:
        """What `*name` stands for, inside the containers of `enclosing`. Raises AliasRefused."""
        value = self._values[name]
        around = list(enclosing)
        if any(value is container for container in around):
            raise AliasRefused(f"The alias {show(name)} stands inside of what it names.")
        size, depth = self._measure(value)
        self._expanded += size
        if self._expanded > MAX_EXPANSION:
            raise AliasRefused(
                f"The aliases of this document stand for more than {MAX_EXPANSION} characters."
            )
        if len(around) + depth > self._max_depth:
            raise AliasRefused(f"Values are nested deeper than {self._max_depth} levels.")
        return value

    def _measure(self, value: Any) -> tuple[int, int]:
        """Size and depth; each container is looked at once. No deeper than a document can be."""
        if isinstance(value, str):
            return 1 + len(value), 0
        if not isinstance(value, dict | list):
            return 1, 0
        known = self._sizes.get(id(value))
        if known is None:
            keys = sum(map(len, value)) if isinstance(value, dict) else 0
            parts = [self._measure(part) for part in (value.values() if isinstance(value, dict) else value)]
            size = 1 + keys + sum(size for size, _ in parts)
            known = self._sizes[id(value)] = size, 1 + max((depth for _, depth in parts), default=0)
        return known


def merge(node: dict[str, Any]) -> str:
    """Put in place what `<<` gives: own keys win, then earlier ones. Returns what is wrong, or nothing."""
    given = node.pop(MERGE_KEY)
    sources = given if isinstance(given, list) else [given]
    wrong = [source for source in sources if not isinstance(source, dict)]
    own = dict(node)
    node.clear()
    for source in sources:
        if isinstance(source, dict):
            for key, value in source.items():
                node.setdefault(key, value)
    node.update(own)
    return f"'<<' takes a mapping or a list of mappings, not {kind(wrong[0])}." if wrong else ""
