"""The port for where artifacts are kept: a flat space of keys that hold bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: size in bytes, sha256 in hex."""

    key: str
    size: int
    sha256: str


class ArtifactStore(Protocol):
    """Bytes by key. Keys are relative paths of safe components; memory is bounded whatever the size.

    Raises ArtifactNotFound, ArtifactCorrupt, StoreUnavailable (try later) and PermanentError (never).
    """

    def put(self, key: str, source: BinaryIO, *, content_type: str = "application/octet-stream") -> Stored:
        """Store a stream of any length, whole or not at all; a key that exists is replaced."""

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> Stored:
        """Store a file; may send its parts in parallel."""

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """A stream of the object's bytes from `offset` on; the caller closes it."""

    def get_file(self, key: str, path: Path, *, size: int, sha256: str) -> None:
        """Fetch to a new file at `path` and verify; on any difference the file is not there and ArtifactCorrupt is raised."""

    def stat(self, key: str) -> int | None:
        """Size in bytes, None when there is nothing under the key."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key below `prefix`, in order."""

    def delete(self, prefix: str) -> None:
        """Remove everything below `prefix`; nothing there is no error."""

    def link(self, key: str) -> str:
        """An address a person can open or hand to a tool; holds no credential."""

    def check(self) -> str:
        """Write, read back and delete a small object; a sentence that says what was found. For `doctor`."""
