"""The port for where artifacts are kept: a flat space of keys that hold bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from reconciler.errors import ArtifactCorrupt


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: size in bytes, sha256 in hex."""

    key: str
    size: int
    sha256: str


class ArtifactStore(Protocol):
    """Bytes by key. Keys are relative paths of safe components (`keys.check_key`); no key is also a
    directory of another. Memory is bounded whatever the size, and every method may be called from
    several threads.

    Raises ArtifactNotFound, ArtifactCorrupt, StoreUnavailable (try later) and PermanentError (never).
    An exception that reading `source` raises comes out as it is, and nothing is stored.
    """

    def put(self, key: str, source: BinaryIO, *, content_type: str = "application/octet-stream") -> Stored:
        """Store a stream of any length, whole or not at all; a key that exists is replaced."""

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> Stored:
        """Store a file; may send its parts in parallel."""

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """A stream of the object's bytes from `offset` on, empty behind its end; the caller closes it."""

    def get_file(self, key: str, path: Path, *, size: int, sha256: str) -> None:
        """Fetch to `path` and verify; on any difference ArtifactCorrupt, and what was at `path` stays."""

    def stat(self, key: str) -> int | None:
        """Size in bytes, None when there is nothing under the key."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key below the directory `prefix` ("a" is "a/", "" is all), in the order of their bytes."""

    def delete(self, prefix: str) -> None:
        """Remove everything below the directory `prefix` (not ""); nothing there is no error."""

    def link(self, key: str) -> str:
        """An address a person can open or hand to a tool; holds no credential."""

    def check(self) -> str:
        """Write, read back and delete a small object; a sentence that says what was found. For `doctor`."""


def probe(store: ArtifactStore) -> None:
    """The common part of `check`: raises what goes wrong."""
    directory = f".check-{os.urandom(8).hex()}"
    key, content = f"{directory}/probe", os.urandom(32)
    store.put(key, BytesIO(content))
    try:
        with store.open(key) as stream:
            if stream.read() != content:
                raise ArtifactCorrupt(
                    f"A small object that was just written to {store.link(key)} reads differently."
                )
    finally:
        store.delete(directory)
