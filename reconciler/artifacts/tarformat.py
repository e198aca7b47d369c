"""The few words of the tar format that directories need, written and read at the speed of `cp`.

`tarfile` takes 200 us a file on either way, five times as long as making the file; and it understands more
than is wanted of an archive that may be damaged or forged: sparse maps, hard links, global headers, dialects.
What is written here is byte for byte what `tarfile` writes, which also makes the rarer headers (PAX: names
that are long or not ASCII, files of 8 GiB and more).
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.artifacts.stream import CHUNK, Readable
from reconciler.errors import ArtifactCorrupt

BLOCK = 512
END = bytes(2 * BLOCK)
FILE, DIRECTORY, LINK, _MORE = b"0", b"5", b"2", b"x"
_LONGEST_MORE = 1 << 20
_LARGEST_PLAIN = 8**11
_KINDS = (FILE, DIRECTORY, LINK, _MORE)
_MAGIC = b"ustar\x0000"
_NO_PREFIX = bytes(155)


@dataclass(frozen=True, slots=True)
class Member:
    """One header. For a file, `size` bytes follow it, padded to whole blocks."""

    name: str
    kind: bytes
    size: int = 0
    executable: bool = False
    target: str = ""


def padding(size: int) -> bytes:
    """What fills the last block."""
    return bytes(-size % BLOCK)


def header(member: Member) -> bytes:
    """The block, or blocks, before the content."""
    name = member.name + "/" * (member.kind == DIRECTORY)
    mode = 0o755 if member.executable or member.kind == DIRECTORY else 0o777 if member.kind == LINK else 0o644
    plain = name.isascii() and member.target.isascii()
    if plain and len(name) <= 100 and len(member.target) <= 100 and member.size < _LARGEST_PLAIN:
        return _plain(name.encode(), mode, member)
    info = tarfile.TarInfo(member.name)
    info.type, info.mode, info.size, info.linkname = member.kind, mode, member.size, member.target
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _plain(name: bytes, mode: int, member: Member) -> bytes:
    """Name, mode, owner 0, size, time 0, checksum, kind, target, magic; the rest is empty."""
    owner, time = b"0000000\0" * 2, b"00000000000\0"
    start = b"%b%07o\0%b%011o\0%b" % (name.ljust(100, b"\0"), mode, owner, member.size, time)
    end = (member.kind + member.target.encode().ljust(100, b"\0") + _MAGIC).ljust(BLOCK - 156, b"\0")
    return b"%b%06o\0 %b" % (start, sum(start) + sum(end) + 8 * ord(" "), end)


class Reader:
    """Members of a tar stream in turn; ArtifactCorrupt for anything that `header` would not have written."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._buffer, self._at = memoryview(b""), 0

    def next(self) -> Member | None:
        """The next member, None at the archive's end. Its content, if any, must be taken with `copy`."""
        block = self._take(BLOCK)
        if block == END[:BLOCK]:
            return None
        member = _parse(block)
        if member.kind == _MORE:
            records = bytearray()
            self.copy(member.size, records.extend)
            member = _with_records(_parse(self._take(BLOCK)), _records(bytes(records)))
        return replace(member, name=member.name[:-1]) if member.name.endswith("/") else member

    def copy(self, size: int, write: Callable[[memoryview], object]) -> None:
        """Hand over the `size` bytes of content, in pieces."""
        left = size
        while left:
            piece = self._some(left)
            write(piece)
            left -= len(piece)
        self._take(len(padding(size)))

    def _take(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        taken = b""
        while len(taken) < size:
            taken += self._some(size - len(taken))
        return taken

    def _some(self, most: int) -> memoryview:
        """Between one and `most` bytes."""
        if self._at == len(self._buffer):
            self._buffer, self._at = memoryview(self._source.read(CHUNK)), 0
            if not self._buffer:
                raise ArtifactCorrupt("The tar stream ends too early.")
        piece = self._buffer[self._at : self._at + most]
        self._at += len(piece)
        return piece


def _parse(block: bytes) -> Member:
    """One header block. Its checksum is not looked at: the sha256 of the whole archive says more."""
    kind, name = block[156:157], _text(block[:100])
    if block[257:265] != _MAGIC or block[345:500] != _NO_PREFIX or kind not in _KINDS:
        raise ArtifactCorrupt(
            f"The tar stream holds {name!r}, which is not a file, a directory or a symlink."
        )
    try:
        mode, size = int(block[100:107], 8), int(block[124:135], 8)
    except ValueError as error:
        raise ArtifactCorrupt(f"The tar stream holds {name!r} with a header that is none.") from error
    if size < 0 or (size and kind in (DIRECTORY, LINK)) or (kind == _MORE and size > _LONGEST_MORE):
        raise ArtifactCorrupt(f"The tar stream holds {name!r} with a size that it cannot have.")
    return Member(name, kind, size, bool(mode & 0o100), _text(block[157:257]))


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _records(content: bytes) -> dict[str, str]:
    """The lines of a PAX header: `length key=value`, where the length counts the whole line."""
    records = {}
    while content:
        length, space, _ = content.partition(b" ")
        if not space or not length.isdigit() or content[int(length) - 1 : int(length)] != b"\n":
            raise ArtifactCorrupt("The tar stream has an extended header that is none.")
        key, _, value = content[len(length) + 1 : int(length) - 1].partition(b"=")
        records[key.decode("ascii", "replace")] = value.decode("utf-8", "surrogateescape")
        content = content[int(length) :]
    return records


def _with_records(member: Member, records: dict[str, str]) -> Member:
    """The member with the values that had no room in its own header."""
    size = records.pop("size", str(member.size))
    records.pop("hdrcharset", None)  # says that a name is not UTF-8, which does not matter here
    name, target = records.pop("path", member.name), records.pop("linkpath", member.target)
    if records or not size.isdecimal() or member.kind == _MORE:
        raise ArtifactCorrupt(f"The tar stream holds {name!r} with an extended header of an unknown kind.")
    return replace(member, name=name, size=int(size), target=target)
