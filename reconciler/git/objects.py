"""Reads the answers of one `git cat-file --batch` as they come, holding one object at a time.

An object larger than the limit is passed over without being kept, so memory is bounded by the limit and
not by what somebody pushed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Answer(NamedTuple):
    """One object that was asked for; `content` is None where it is missing, too large, or not a file."""

    id: str
    content: bytes | None
    missing: bool = False


def answers(chunks: Iterator[bytes], limit: int) -> Iterator[Answer]:
    """The objects in the order in which they were asked for."""
    source = _Source(chunks)
    while line := source.line():
        asked, _, rest = line.decode("utf-8", "replace").partition(" ")
        if rest in ("missing", "ambiguous"):
            yield Answer(asked, None, missing=True)
            continue
        kind, _, size = rest.partition(" ")
        wanted = kind == "blob" and int(size) <= limit
        content = source.take(int(size), keep=wanted)
        source.take(1, keep=False)
        yield Answer(asked, content if wanted else None)


class _Source:
    """Lines and counted bytes from chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def line(self) -> bytes:
        """Up to the next line feed, without it; empty at the end."""
        while (end := self._rest.find(b"\n")) < 0:
            chunk = next(self._chunks, b"")
            if not chunk:
                return b""
            self._rest += chunk
        line, self._rest = self._rest[:end], self._rest[end + 1 :]
        return line

    def take(self, size: int, *, keep: bool) -> bytes:
        kept = []
        while size > 0:
            chunk = self._rest or next(self._chunks, b"")
            if not chunk:
                break
            part, self._rest = chunk[:size], chunk[size:]
            size -= len(part)
            if keep:
                kept.append(part)
        return b"".join(kept)
