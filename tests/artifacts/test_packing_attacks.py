"""What hostile steps and hostile archives try."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from reconciler.artifacts import ArtifactStore, open_store
from reconciler.artifacts.beneath import opened, stays_below, walk
from reconciler.artifacts.packing import OutputRefused, collect, place
from reconciler.artifacts.tarball import pack, unpack
from reconciler.errors import ArtifactCorrupt
from reconciler.model.run import Artifact
from reconciler.model.workflow import ArtifactOutput
from tests.artifacts.contract import read
from tests.artifacts.streams import MIB

SECRET = "the agent's secret"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work" / "out").mkdir(parents=True)
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path / "work"


def keep(store: ArtifactStore, work: Path, path: str = "out", archive: str = "tar") -> Artifact | None:
    return collect(store, ArtifactOutput("model", path, archive=archive), work, "runs/1/")


class TestASymlinkThatLeaves:
    @pytest.mark.parametrize("target", ["/proc/self/environ", "../../secret", "sub/../../../secret"])
    def test_is_not_followed_as_an_output(self, store: ArtifactStore, work: Path, target: str) -> None:
        (work / "out" / "sub").mkdir()
        (work / "out" / "x").symlink_to(target)
        with pytest.raises(OutputRefused, match="outside of the working directory"):
            keep(store, work, "out/x")
        assert list(store.keys("")) == []

    def test_is_not_followed_on_the_way_to_an_output(self, store: ArtifactStore, work: Path) -> None:
        (work / "etc").symlink_to("/etc")
        with pytest.raises(OutputRefused, match="outside of the working directory"):
            keep(store, work, "etc/passwd")

    @pytest.mark.parametrize("path", ["../secret", "out/../../secret", "/../secret"])
    def test_nor_is_a_path_that_leaves(self, store: ArtifactStore, work: Path, path: str) -> None:
        with pytest.raises(OutputRefused, match="leads outside of the working directory"):
            keep(store, work, path)

    @pytest.mark.parametrize("archive", ["tar", "files"])
    @pytest.mark.parametrize(
        "target", ["/proc/self/environ", "../secret", "..", "/", "sub/../../x", "a/../b"]
    )
    def test_is_refused_inside_of_a_directory(
        self, store: ArtifactStore, work: Path, target: str, archive: str
    ) -> None:
        (work / "out" / "first").write_text("stored before the link is met")
        (work / "out" / "link").symlink_to(target)
        with pytest.raises(OutputRefused, match=r"Output 'model' \(out\): 'link' is a symlink to"):
            keep(store, work, archive=archive)
        assert list(store.keys("")) == []

    def test_in_a_circle_is_refused(self, store: ArtifactStore, work: Path) -> None:
        (work / "a").symlink_to("b")
        (work / "b").symlink_to("a")
        with pytest.raises(OutputRefused, match="more than 40 symlinks"):
            keep(store, work, "a")

    def test_that_stays_in_the_working_directory_is_followed(self, store: ArtifactStore, work: Path) -> None:
        (work / "out" / "real").write_text("x")
        (work / "latest").symlink_to("out/../out/real")
        artifact = keep(store, work, "latest")
        assert artifact is not None
        assert read(store, artifact.key) == b"x"


@pytest.mark.parametrize(
    ("path", "target", "stays"),
    [
        ("link", "a", True),
        ("link", "./a//b/", True),
        ("dir/link", "../a", True),
        ("dir/link", "..", True),
        ("link", "..", False),
        ("dir/link", "../../a", False),
        ("dir/link", "up/../../a", False),
        ("link", "/a", False),
        ("link", "", False),
    ],
)
def test_whether_a_link_stays_is_known_without_looking_at_others(path: str, target: str, stays: bool) -> None:
    assert stays_below(path.split("/"), target) is stays


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    """By a relative name: addresses of sockets are short."""
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(path.parent, os.O_PATH)
        server.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        os.mkfifo(path)  # only root can make one: then there is nothing to defend against


def hard_link(path: Path) -> None:
    path.hardlink_to(path.parents[2] / "secret")


class TestWhatIsNoFile:
    @pytest.mark.parametrize("make", [fifo, unix_socket, device, hard_link])
    @pytest.mark.parametrize("archive", ["tar", "files"])
    def test_is_refused_without_touching_it(
        self, store: ArtifactStore, work: Path, make: Callable[[Path], None], archive: str
    ) -> None:
        make(work / "out" / "thing")
        for path in ("out", "out/thing"):
            with pytest.raises(OutputRefused, match=r"only regular files can be stored|is a hard link"):
                keep(store, work, path, archive)
        assert list(store.keys("")) == []

    def test_is_refused_when_it_is_nested_without_end(self, store: ArtifactStore, work: Path) -> None:
        here = os.open(work / "out", os.O_RDONLY)
        for _ in range(300):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        with pytest.raises(OutputRefused, match="more than 200 levels"):
            keep(store, work)

    def test_has_no_key_of_its_own_when_its_name_is_too_long(self, store: ArtifactStore, work: Path) -> None:
        (work / "out" / ("\n" * 100)).touch()
        with pytest.raises(OutputRefused, match="cannot be an object of its own") as raised:
            keep(store, work, archive="files")
        assert "archive: tar" in raised.value.hint
        assert keep(store, work, archive="tar")


class TestAFileSwappedDuringCollection:
    @pytest.fixture
    def out(self, work: Path) -> Path:
        (work / "out" / "b").write_text("harmless")
        return work / "out"

    @pytest.mark.parametrize("make", [lambda path: path.symlink_to("../../secret"), fifo, hard_link])
    def test_between_the_look_and_the_opening_is_refused(
        self, out: Path, make: Callable[[Path], None]
    ) -> None:
        with opened(out.parent, "out") as directory:
            entry = next(walk(directory))
            (out / "b").unlink()
            make(out / "b")
            with pytest.raises(OutputRefused):
                entry.open()

    def test_is_not_entered_as_a_directory(self, out: Path) -> None:
        (out / "a").mkdir()
        with opened(out.parent, "out") as directory:
            entries = walk(directory)
            assert next(entries).path == ("a",)
            (out / "a").rmdir()
            (out / "a").symlink_to("/etc")
            with pytest.raises(OutputRefused, match="was changed while it was collected"):
                next(entries)

    def test_that_shrinks_is_refused(self, out: Path) -> None:
        (out / "a").write_bytes(bytes(5 * MIB))
        with opened(out.parent, "out") as directory, pack(directory) as stream:
            stream.read(MIB)
            (out / "a").write_bytes(b"")
            with pytest.raises(OutputRefused, match="'a' became shorter"):
                _read_all(stream.read)

    def test_by_another_process_never_gives_the_secret(self, store: ArtifactStore, out: Path) -> None:
        """A process swaps as fast as it can while we collect 300 times."""
        (out.parent / "link").symlink_to(out.parents[1] / "secret")
        with _swapping(out / "b", out.parent / "link"):
            seen = {_attempt(store, out.parent, number) for number in range(300)}
        assert seen <= {"harmless", "refused"}


def _attempt(store: ArtifactStore, work: Path, number: int) -> str:
    path, archive = [("out/b", "tar"), ("out", "tar"), ("out", "files")][number % 3]
    output = ArtifactOutput(f"x{number}", path, archive=archive)
    try:
        artifact = collect(store, output, work, "runs/1/")
    except OutputRefused:
        return "refused"
    assert artifact is not None
    place(store, artifact, work / f"in-{number}")
    got = work / f"in-{number}"
    return (got if got.is_file() else got / "b").read_text()


@contextmanager
def _swapping(path: Path, other: Path) -> Iterator[None]:
    """A process exchanges the two names as fast as it can."""
    code = """
import ctypes, os, sys
path, other = map(os.fsencode, sys.argv[1:])
print(flush=True)
while ctypes.CDLL(None).renameat2(-100, path, -100, other, 2) == 0:  # AT_FDCWD, RENAME_EXCHANGE
    pass
"""
    process = subprocess.Popen([sys.executable, "-c", code, path, other], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def _read_all(read: Callable[[int], bytes]) -> None:
    while read(MIB):
        pass


def member(
    name: str, kind: bytes = tarfile.REGTYPE, target: str = "", content: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, len(content)
    return info, content


ARCHIVES = {
    "a name that climbs": [member("../evil", content=b"x")],
    "a name that climbs later": [member("a/../../evil", content=b"x")],
    "an absolute name": [member("/tmp/reconciler-evil", content=b"x")],
    "a directory above": [member("../evil", tarfile.DIRTYPE)],
    "an absolute link": [member("l", tarfile.SYMTYPE, "/etc")],
    "a link that climbs": [member("l", tarfile.SYMTYPE, "../evil")],
    "a link that climbs behind a name": [member("a/l", tarfile.SYMTYPE, "b/../../../evil")],
    "a file through a link": [member("l", tarfile.SYMTYPE, "d"), member("l/evil", content=b"x")],
    "a link over a file": [member("l", content=b"x"), member("l", tarfile.SYMTYPE, "d")],
    "a file twice": [member("f", content=b"x"), member("f", content=b"y")],
    "a file under a file": [member("f", content=b"x"), member("f/g", content=b"y")],
    "a hard link": [member("f", content=b"x"), member("h", tarfile.LNKTYPE, "f")],
    "a hard link to outside": [member("h", tarfile.LNKTYPE, "/etc/passwd")],
    "a device": [member("d", tarfile.CHRTYPE)],
    "a FIFO": [member("p", tarfile.FIFOTYPE)],
    "an unknown kind": [member("u", b"Z", content=b"x")],
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_with_an_attack_is_refused_and_leaves_nothing(
    store: ArtifactStore, tmp_path: Path, name: str
) -> None:
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for info, content in ARCHIVES[name]:
            tar.addfile(info, BytesIO(content))
    archive.seek(0)
    stored = store.put("evil", archive)
    (tmp_path / "place").mkdir()
    with pytest.raises(ArtifactCorrupt):
        place(store, Artifact("x", "evil", stored.size, stored.sha256, "tar"), tmp_path / "place" / "in")
    assert list((tmp_path / "place").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "store"]


@pytest.mark.parametrize("cut", [1, 511, 512, 600, 1024, 1600])
def test_an_archive_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info, content = member("f", content=b"x" * 2000)
        tar.addfile(info, BytesIO(content))
    with pytest.raises(ArtifactCorrupt):
        unpack(BytesIO(archive.getvalue()[:cut]), tmp_path)


@pytest.mark.parametrize("listing", ["../evil", "/etc/evil", "a/../../evil"])
def test_a_listing_with_an_attack_is_refused(store: ArtifactStore, tmp_path: Path, listing: str) -> None:
    line = (
        b'{"kind": "file", "path": "%s", "size": 0, "sha256": "", "executable": false}\n' % listing.encode()
    )
    stored = store.put("evil/.listing.jsonl", BytesIO(line))
    with pytest.raises(ArtifactCorrupt):
        place(store, Artifact("x", "evil", 0, stored.sha256, "files"), tmp_path / "in")
    assert not (tmp_path / "in").exists()


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    before = _open_files()
    yield
    assert _open_files() <= before


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
