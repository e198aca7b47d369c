"""Sources of bytes as the world gives them: endless, in pieces, failing half-way."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable

MIB = 1 << 20


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Pieces(io.RawIOBase):
    """A stream that does not know its length and gives less than it is asked for, as a pipe does.

    `at` holds what happens, once, when that many bytes were given.
    """

    def __init__(self, data: bytes, at: dict[int, Callable[[], object]] | None = None) -> None:
        self._rest, self._given, self._at = memoryview(data), 0, dict(at or {})

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        for mark in [mark for mark in self._at if mark <= self._given]:
            self._at.pop(mark)()
        piece = bytes(self._rest[: min(100_000, len(self._rest) if size is None or size < 0 else size)])
        self._rest = self._rest[len(piece) :]
        self._given += len(piece)
        return piece


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act
