"""Shards: how passes that work side by side part the workflows among them.

Whose a workflow is depends on nothing but its name and the number of shards, so all of them agree without
talking. A layout is that number, with a generation that counts how often it changed: what a shard
remembers holds for one generation only, because between two of them others did its work.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Shard:
    """Number `index`, from 0 on, of `count`; the default owns everything."""

    index: int = 0
    count: int = 1

    def owns(self, workflow: str) -> bool:
        """Whether the workflow of that name is this shard's."""
        return self.count == 1 or crc32(workflow.encode()) % self.count == self.index

    def __str__(self) -> str:
        return f"shard {self.index} of {self.count}"


ALL = Shard()


@dataclass(frozen=True, slots=True)
class Layout:
    """Into how many shards the work is parted, and the how-manieth such decision that is."""

    count: int
    generation: int = 1

    def changed_to(self, count: int) -> Layout:
        return Layout(count, self.generation + 1)

    def __str__(self) -> str:
        return f"{self.count} {self.generation}"

    @classmethod
    def parse(cls, text: str) -> Layout | None:
        """What `str` wrote; None for anything else."""
        count, _, generation = text.strip().partition(" ")
        if not (count.isdigit() and generation.isdigit()):
            return None
        return cls(int(count), int(generation))
