"""What a check must not hold against a document: its answer may be in something that was refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.definition.words import Path


@dataclass(frozen=True, slots=True)
class Doubt:
    """Nothing is in doubt for a document that fits the schema.

    `lost` are the paths at which something was taken out; `touched` whatever has a finding below it.
    """

    lost: frozenset[Path] = frozenset()
    touched: frozenset[Path] = field(default_factory=frozenset)

    @classmethod
    def of(cls, lost: Iterable[Path], found: Iterable[Path]) -> Doubt:
        below = {path[:end] for path in (*found, *lost) for end in range(1, min(len(path), 3) + 1)}
        return cls(frozenset(lost), frozenset(below))

    def names_in(self, section: str) -> bool:
        """Whether `spec.<section>` may have had names that are no longer seen."""
        return not self.lost.isdisjoint({(), ("spec",), ("spec", section)})

    def about(self, section: str, name: str) -> bool:
        """Whether something in `spec.<section>.<name>` was wrong."""
        return ("spec", section, name) in self.touched
