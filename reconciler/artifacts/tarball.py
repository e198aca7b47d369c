"""Directories as tar streams, the same bytes for the same content; and back, with nothing taken on trust.

Names, content, links and the executable bit are kept; owners, times and the other mode bits are not, so that
the sha256 says whether the content is the same. How large an archive may be is the disk's affair.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from reconciler.artifacts.beneath import Entry, OutputRefused, walk
from reconciler.artifacts.landing import Landing
from reconciler.artifacts.localfile import create, write_all
from reconciler.artifacts.stream import CHUNK, IterableStream, Readable
from reconciler.artifacts.tarformat import DIRECTORY, END, FILE, LINK, Member, Reader, header, padding

CONTENT_TYPE = "application/x-tar"


def pack(directory: int) -> BinaryIO:
    """A stream of everything below the open `directory`; OutputRefused comes out of its `read`."""
    return io.BufferedReader(IterableStream(_blocks(directory)), CHUNK)


def _blocks(directory: int) -> Iterator[bytes]:
    for entry in walk(directory):
        name = "/".join(entry.path)
        if entry.kind == "file":
            yield from _file_blocks(name, entry)
        elif entry.kind == "link":
            yield header(Member(name, LINK, target=entry.target))
        else:
            yield header(Member(name, DIRECTORY))
    yield END


def _file_blocks(name: str, entry: Entry) -> Iterator[bytes]:
    descriptor = entry.open()
    try:
        size = left = os.fstat(descriptor).st_size
        block = header(Member(name, FILE, size, entry.executable))
        while left:
            piece = os.read(descriptor, min(left, CHUNK))
            if not piece:
                raise OutputRefused(f"{name!r} became shorter while it was collected.")
            left -= len(piece)
            yield block + piece
            block = b""
        yield block + padding(size)
    finally:
        os.close(descriptor)


def pack_files(files: Iterable[tuple[str, bool, bytes]]) -> Iterator[bytes]:
    """A tar of (path, executable, content), sorted by path, in pieces."""
    for path, executable, content in sorted(files):
        yield header(Member(path, FILE, len(content), executable)) + content + padding(len(content))
    yield END


def unpack(source: Readable, directory: Path) -> None:
    """Lay a tar stream out below `directory`; ArtifactCorrupt for anything but what `pack` makes."""
    reader = Reader(source)
    with Landing(directory) as landing:
        while member := reader.next():
            if member.kind == FILE:
                _unpack_file(reader, member, landing.file(member.name))
            elif member.kind == LINK:
                landing.link(member.name, member.target)
            else:
                landing.directory(member.name)


def _unpack_file(reader: Reader, member: Member, path: Path) -> None:
    descriptor = create(path, 0o777 if member.executable else 0o666)
    try:
        reader.copy(member.size, partial(write_all, descriptor))
    finally:
        os.close(descriptor)
