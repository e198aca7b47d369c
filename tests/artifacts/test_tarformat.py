"""Our few words of the tar format, against the standard library's."""

from __future__ import annotations

import tarfile
from contextlib import suppress
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifacts.tarformat import DIRECTORY, END, FILE, LINK, Member, Reader, header, padding
from reconciler.errors import ArtifactCorrupt

_names = st.binary(min_size=1, max_size=150).map(
    lambda raw: raw.replace(b"\0", b"?").strip(b"/").decode("utf-8", "surrogateescape") or "x"
)
_members = st.one_of(
    st.builds(Member, _names, st.just(FILE), st.integers(0, 8**12), st.booleans()),
    st.builds(Member, _names, st.just(DIRECTORY)),
    st.builds(Member, _names, st.just(LINK), target=_names),
)


@given(_members)
def test_a_header_is_byte_for_byte_that_of_tarfile(member: Member) -> None:
    info = tarfile.TarInfo(member.name)
    info.type, info.size, info.linkname = member.kind, member.size, member.target
    info.mode = (
        0o777 if member.kind == LINK else 0o755 if member.executable or member.kind == DIRECTORY else 0o644
    )
    assert header(member) == info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


@given(_members)
def test_a_header_is_read_as_it_was_written(member: Member) -> None:
    read = Reader(BytesIO(header(member))).next()
    assert read is not None
    assert (read.name, read.kind, read.size, read.target) == (
        member.name,
        member.kind,
        member.size,
        member.target,
    )
    assert read.executable is member.executable or member.kind != FILE


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_tarfile_reads_what_we_write(contents: list[bytes]) -> None:
    archive = b"".join(
        header(Member(str(number), FILE, len(content))) + content + padding(len(content))
        for number, content in enumerate(contents)
    )
    with tarfile.open(fileobj=BytesIO(archive + END)) as tar:
        members = tar.getmembers()
        assert [tar.extractfile(member).read() for member in members] == contents  # type: ignore[union-attr]


@given(st.binary(max_size=3000), st.booleans())
def test_nothing_that_is_read_breaks_the_reader(garbage: bytes, starts_well: bool) -> None:
    """Damage is ArtifactCorrupt, whatever it is."""
    start = header(Member("x" * 120, FILE, 3))[: len(garbage) + 700] if starts_well else b""
    _read_unless_corrupt(start + garbage)


@given(st.integers(0, 2047), st.integers(0, 255))
def test_a_changed_byte_is_never_more_than_a_corrupt_archive(at: int, value: int) -> None:
    whole = bytearray(header(Member("ü" * 60, FILE, 3)) + b"abc" + padding(3) + END)
    whole[at % len(whole)] = value
    _read_unless_corrupt(bytes(whole))


def _read_unless_corrupt(archive: bytes) -> None:
    reader = Reader(BytesIO(archive))
    with suppress(ArtifactCorrupt):
        while member := reader.next():
            reader.copy(member.size, lambda piece: None)
