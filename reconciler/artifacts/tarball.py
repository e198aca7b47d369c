"""Directories as tar streams, the same bytes for the same content; and back, with nothing taken on trust.

Names, content, links and the executable bit are kept; owners, times and the other mode bits are not, so that
the sha256 says whether the content is the same.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from reconciler.artifacts.beneath import Entry, OutputRefused, walk
from reconciler.artifacts.landing import Landing
from reconciler.artifacts.stream import CHUNK, IterableStream, Readable
from reconciler.errors import ArtifactCorrupt

CONTENT_TYPE = "application/x-tar"
_END = bytes(2 * tarfile.BLOCKSIZE)


def pack(directory: int) -> BinaryIO:
    """A stream of everything below the open `directory`; OutputRefused comes out of its `read`."""
    return io.BufferedReader(IterableStream(_blocks(directory)), CHUNK)


def _blocks(directory: int) -> Iterator[bytes]:
    for entry in walk(directory):
        if entry.kind == "file":
            yield from _file_blocks(entry)
        elif entry.kind == "link":
            yield _header(entry.path, tarfile.SYMTYPE, 0o777, target=entry.target)
        else:
            yield _header(entry.path, tarfile.DIRTYPE, 0o755)
    yield _END


def _file_blocks(entry: Entry) -> Iterator[bytes]:
    descriptor = entry.open()
    try:
        left = os.fstat(descriptor).st_size
        block = _file_header(entry.path, entry.executable, left)
        padding = bytes(-left % tarfile.BLOCKSIZE)
        while left:
            piece = os.read(descriptor, min(left, CHUNK))
            if not piece:
                raise OutputRefused(f"{'/'.join(entry.path)!r} became shorter while it was collected.")
            left -= len(piece)
            yield block + piece
            block = b""
        yield block + padding
    finally:
        os.close(descriptor)


def _file_header(path: tuple[str, ...], executable: bool, size: int) -> bytes:
    return _header(path, tarfile.REGTYPE, 0o755 if executable else 0o644, size=size)


def _header(path: tuple[str, ...], kind: bytes, mode: int, *, size: int = 0, target: str = "") -> bytes:
    info = tarfile.TarInfo("/".join(path))
    info.type, info.mode, info.size, info.linkname = kind, mode, size, target
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def pack_files(files: Iterable[tuple[str, bool, bytes]]) -> Iterator[bytes]:
    """A tar of (path, executable, content), sorted by path, in pieces."""
    for path, executable, content in sorted(files):
        yield _file_header(tuple(path.split("/")), executable, len(content))
        yield content + bytes(-len(content) % tarfile.BLOCKSIZE)
    yield _END


def unpack(source: Readable, directory: Path) -> None:
    """Lay the content of a tar stream below `directory`; ArtifactCorrupt for anything but what `pack` makes.

    Python's own `data` filter is not used: releases before mid-2025 let crafted links through.
    """
    try:
        with (
            tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK, encoding="utf-8") as tar,  # type: ignore[call-overload]
            Landing(directory) as landing,
        ):
            for member in tar:
                tar.members = []  # or it remembers every one
                _unpack_member(tar, member, landing)
    except tarfile.TarError as error:
        raise ArtifactCorrupt(f"It is not a whole tar stream: {error}.") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, landing: Landing) -> None:
    if member.isdir():
        landing.directory(member.name)
    elif member.issym():
        landing.link(member.name, member.linkname)
    elif member.type == tarfile.REGTYPE and not member.issparse():
        _unpack_file(tar, member, landing.file(member.name))
    else:
        raise ArtifactCorrupt(f"It holds {member.name!r}, which is not a file, a directory or a symlink.")


def _unpack_file(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None  # it is for directories and devices only
    mode = 0o777 if member.mode & 0o100 else 0o666  # the umask takes its part
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with open(descriptor, "wb", buffering=0) as file:
        while piece := content.read(CHUNK):
            file.write(piece)
