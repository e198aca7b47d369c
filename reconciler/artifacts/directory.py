"""Artifacts in a directory: for a laptop, one machine, or a mounted file system."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reconciler.artifacts.base import Stored, probe
from reconciler.artifacts.keys import PARTIAL, check_key, check_prefix
from reconciler.artifacts.localfile import appearing, translated
from reconciler.artifacts.stream import pour, verify
from reconciler.errors import ArtifactNotFound, PermanentError


class DirectoryStore:
    """Each key is a file below `root`. An unfinished file lies beside its target, so that what a killed
    process leaves is swept with the run that it belongs to."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def put(self, key: str, source: BinaryIO, *, content_type: str = "application/octet-stream") -> Stored:
        with appearing(self._path(key)) as write:
            size, sha256 = pour(source, write)
        return Stored(key, size, sha256)

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> Stored:
        with translated(path, "read"), open(path, "rb", buffering=0) as source:
            return self.put(key, source, content_type=content_type)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        path = self._path(key)
        try:
            with translated(path, "read"):
                stream = open(path, "rb", buffering=0)  # noqa: SIM115  (the caller closes it)
                stream.seek(offset)
        except PermanentError as error:
            if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
                raise ArtifactNotFound(f"Nothing is stored at {path}.") from error.__cause__
            raise
        return stream

    def get_file(self, key: str, path: Path, *, size: int, sha256: str) -> None:
        kept = self._path(key)
        with self.open(key) as source, translated(kept, "read"), appearing(path) as write:
            verify(f"The artifact {kept}", pour(source, write), size, sha256)

    def stat(self, key: str) -> int | None:
        path = self._path(key)
        with translated(path, "read"):
            return path.stat().st_size if path.is_file() else None

    def keys(self, prefix: str) -> Iterator[str]:
        start = check_prefix(prefix)
        return _below(self.root / start, start)

    def delete(self, prefix: str) -> None:
        if not prefix:
            raise PermanentError("Only what lies below a prefix can be deleted, not the whole store.")
        path = self.root / check_prefix(prefix)
        with translated(path, "delete"):
            if path.is_dir():
                shutil.rmtree(path)

    def link(self, key: str) -> str:
        return self._path(key).as_uri()

    def check(self) -> str:
        probe(self)
        return f"Artifacts go to the directory {self.root}; an object was written, read and deleted there."

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)


def _below(directory: Path, prefix: str) -> Iterator[str]:
    """Keys in the order of their bytes: a directory is sorted by its name with the "/" that follows it."""
    with translated(directory, "list"):
        if not directory.is_dir():
            return
        with os.scandir(directory) as found:
            names = [entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in found]
    for name in sorted(names, key=os.fsencode):
        if name.endswith("/"):
            yield from _below(directory / name, prefix + name)
        elif not name.startswith(PARTIAL):
            yield prefix + name
