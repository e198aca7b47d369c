"""Streams of bytes that are counted and hashed while they pass, with bounded memory."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from reconciler.errors import ArtifactCorrupt

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
SHORTEST = 16


class Readable(Protocol):
    """Whatever gives bytes in pieces, and an empty one at the end."""

    def read(self, size: int, /) -> bytes: ...


def pour(source: Readable, sink: Callable[[bytes], object]) -> tuple[int, str]:
    """Move all of `source` into `sink`; its length and sha256.

    Hashing takes longer than copying, and releases the interpreter's lock: it has a thread of its own,
    which a stream of one chunk does not need.
    """
    digest, first = hashlib.sha256(), source.read(CHUNK)
    second = source.read(CHUNK) if first else b""
    if not second:
        sink(first)
        digest.update(first)
        return len(first), digest.hexdigest()
    size = 0
    with ThreadPoolExecutor(1) as hasher:
        waiting: deque[Future[None]] = deque()
        for chunk in _chunks(source, first, second):
            waiting.append(hasher.submit(digest.update, chunk))
            sink(chunk)
            size += len(chunk)
            if len(waiting) > 2:
                waiting.popleft().result()
    return size, digest.hexdigest()


def _chunks(source: Readable, *head: bytes) -> Iterator[bytes]:
    yield from head
    while chunk := source.read(CHUNK):
        yield chunk


def verify(what: str, found: tuple[int, str], size: int, sha256: str) -> None:
    """ArtifactCorrupt unless length and hash are the recorded ones; of a log that was read back from the
    ledger, only the first `SHORTEST` digits of the hash are known."""
    hint = "It was changed or damaged after it was stored; run the step that made it again."
    if found[0] != size:
        raise ArtifactCorrupt(f"{what} has {found[0]} bytes, but {size} were recorded.", hint=hint)
    if len(sha256) < SHORTEST or not found[1].startswith(sha256):
        raise ArtifactCorrupt(f"{what} has sha256 {found[1]}, but {sha256} was recorded.", hint=hint)


class IterableStream(io.RawIOBase):
    """A readable stream of the chunks that an iterable gives; its exceptions come out of `read`."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(target):
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
            count = min(len(target) - filled, len(self._rest))
            target[filled : filled + count] = self._rest[:count]
            self._rest = self._rest[count:]
            filled += count
        return filled

    def close(self) -> None:
        """Let the iterable finish its own clean-up too."""
        close = getattr(self._chunks, "close", None)
        if close:
            close()
        super().close()


class Measured:
    """Counts and hashes what is read from a stream; the hashing goes on while the reader works."""

    def __init__(self, source: Readable) -> None:
        self._source, self._digest, self._size = source, hashlib.sha256(), 0
        self._hasher = ThreadPoolExecutor(1)
        self._hashing: Future[None] | None = None

    def __enter__(self) -> Measured:
        return self

    def __exit__(self, *_: object) -> None:
        self._hasher.shutdown()

    def read(self, size: int, /) -> bytes:
        piece = self._source.read(size)
        self._settle()
        self._hashing = self._hasher.submit(self._digest.update, piece)
        self._size += len(piece)
        return piece

    def finish(self) -> tuple[int, str]:
        """Read on to the end; length and sha256 of it all."""
        while self.read(CHUNK):
            pass
        self._settle()
        return self._size, self._digest.hexdigest()

    def _settle(self) -> None:
        if self._hashing:
            self._hashing.result()
