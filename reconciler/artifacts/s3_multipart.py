"""One object sent in parts, side by side: streams of any length with bounded memory.

`Minio.put_object` has one size for all parts (a stream of unknown length then ends at 10,000 of them),
buffers as many parts as it has threads whatever their size, and leaves its parts behind on KeyboardInterrupt.
The private names of the client that a better one needs are used in this module and nowhere else.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from types import TracebackType
from typing import Any, BinaryIO

from reconciler.artifacts.s3_errors import translated
from reconciler.errors import PermanentError, StoreUnavailable

MIB = 1 << 20
PART = 16 * MIB
IN_FLIGHT = 64 * MIB
"""Bytes that wait for the server at any moment; one more part is being read."""
SENDERS = 4
_MOST_PARTS = 10_000
_GROWTH = ((1_000, PART), (9_000, 64 * MIB), (_MOST_PARTS, 512 * MIB))
"""Until which part which size: the first 515 GiB go in parts of at most 64 MiB, 1 TiB in all."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an object goes; `address` names it in messages."""

    client: Any
    bucket: str
    name: str
    content_type: str
    address: str


def send(target: Target, source: BinaryIO) -> tuple[int, str]:
    """Store all of `source`; its length and sha256."""
    digest, size = hashlib.sha256(), 0
    pieces = parts(source, part_sizes(_length(source)))
    first = next(pieces, b"")
    if len(first) < PART:
        with translated(target.address):
            target.client.put_object(
                target.bucket, target.name, io.BytesIO(first), len(first), target.content_type
            )
        return len(first), hashlib.sha256(first).hexdigest()
    with _Upload(target) as upload:
        for part in chain([first], pieces):
            upload.send(part)
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def parts(source: BinaryIO, sizes: Iterator[int]) -> Iterator[bytes | bytearray]:
    """The stream cut into parts, none of them empty; PermanentError when it goes on behind the last size."""
    for size in sizes:
        part = _read(source, size)
        if part:
            yield part
        if len(part) < size:
            return
    if source.read(1):
        raise PermanentError("The stream is too long for one object.", hint="Store it as several files.")


def part_sizes(length: int | None) -> Iterator[int]:
    """Sizes for the parts of `length` bytes (None: of a stream that ends nobody knows where)."""
    if length is not None:
        needed = -(-length // _MOST_PARTS)
        return repeat(max(PART, -(-needed // MIB) * MIB), _MOST_PARTS)
    return (next(size for until, size in _GROWTH if number < until) for number in range(_MOST_PARTS))


def _length(source: BinaryIO) -> int | None:
    """How much a regular file still has to give; None for all else."""
    try:
        status = os.fstat(source.fileno())
        return status.st_size - source.tell() if stat.S_ISREG(status.st_mode) else None
    except OSError:  # io.UnsupportedOperation, which says that it is no file, is one
        return None


def _read(source: BinaryIO, size: int) -> bytes | bytearray:
    """`size` bytes, fewer only at the end; pipes and tar streams give them in pieces."""
    first = source.read(size)
    if not first or len(first) == size:
        return first
    part = bytearray(first)
    while len(part) < size and (piece := source.read(size - len(part))):
        part += piece
    return part


class _Upload:
    """Parts on their way. Left well, the object is there; left by any exception, the upload is aborted."""

    def __init__(self, target: Target) -> None:
        self._target, self._client = target, target.client
        self._waiting: deque[tuple[Future[str], int]] = deque()
        self._tags: list[str] = []

    def __enter__(self) -> _Upload:
        target = self._target
        with translated(target.address):
            self._id = self._client._create_multipart_upload(
                target.bucket, target.name, {"Content-Type": target.content_type}
            )
        self._pool = ThreadPoolExecutor(SENDERS)
        return self

    def send(self, part: bytes | bytearray) -> None:
        """Send a part in the background, once there is room for it."""
        while self._waiting and sum(size for _, size in self._waiting) + len(part) > IN_FLIGHT:
            self._settle()
        number = len(self._tags) + len(self._waiting) + 1
        future = self._pool.submit(
            self._client._upload_part, self._target.bucket, self._target.name, part, None, self._id, number
        )
        self._waiting.append((future, len(part)))

    def _settle(self) -> None:
        """Wait for the oldest part."""
        future, _ = self._waiting.popleft()
        with translated(self._target.address):
            self._tags.append(future.result())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._complete()
        except BaseException:
            self._abort()
            raise
        if error is not None:
            self._abort()
        self._pool.shutdown()

    def _complete(self) -> None:
        from minio.datatypes import Part

        while self._waiting:
            self._settle()
        sent = [Part(number, tag) for number, tag in enumerate(self._tags, 1)]
        target = self._target
        with translated(target.address):
            result = self._client._complete_multipart_upload(target.bucket, target.name, self._id, sent)
        if not result.etag:  # S3 may say 200 first and find out later; the client does not look
            raise StoreUnavailable(f"{target.address}: the server could not put the parts together.")

    def _abort(self) -> None:
        """Best effort: parts that stay are for the bucket's lifecycle rule."""
        self._pool.shutdown(cancel_futures=True)
        with suppress(Exception):
            self._client._abort_multipart_upload(self._target.bucket, self._target.name, self._id)
