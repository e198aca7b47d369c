"""What every artifact store must do. A new store's test is a class that derives from `StoreContract` and
gives the fixture `place`: what `open_store` takes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from reconciler.artifacts import ArtifactStore, S3Access, Stored, open_store
from reconciler.errors import ArtifactCorrupt, ArtifactNotFound, PermanentError
from tests.artifacts import child
from tests.artifacts.streams import MIB, Pieces, content, raising, sha256

Place = tuple[str, S3Access | None]

ODD_KEYS = [
    "a b/c d",
    "plus+and&ampersand=1",
    "percent%20and%",
    "question?and#hash",
    "ünïcode/日本語/🚀.txt",
    "quotes'and\"more",
    "<xml>&amp;",
    "~tilde/!bang/(braces)/[brackets]/{curly}/@at/$dollar/,comma;semicolon:colon",
    ".hidden/..almost/...",
    "-dash/_underscore",
    "trailing.dot.",
    "*star",
    "x" * 255,
    "/".join(["deep"] * 150),
]

REFUSED_KEYS = [
    "",
    "/absolute",
    "../escape",
    "a/../../b",
    "a//b",
    "a/./b",
    "a/",
    "nul\0",
    "line\nfeed",
    "back\\slash",
    "surrogate\udcff",
    "e\u0301",
    "x" * 256,
    "/".join(["deep"] * 200),
    "a/.part-1",
]


class StoreContract:
    """Derive, and give the fixture `place`."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    def store(self, place: Place) -> ArtifactStore:
        return open_store(*place)

    @pytest.mark.parametrize("size", [0, 1, MIB, 5 * MIB + 1, 16 * MIB, 17 * MIB])
    def test_a_stream_of_unknown_length_comes_back_as_it_went(
        self, store: ArtifactStore, tmp_path: Path, size: int
    ) -> None:
        data = content(size)
        stored = store.put("some/key", Pieces(data))
        assert stored == Stored("some/key", size, sha256(data))
        assert store.stat("some/key") == size
        assert read(store, "some/key") == data
        store.get_file("some/key", tmp_path / "new" / "got", size=size, sha256=stored.sha256)
        assert (tmp_path / "new" / "got").read_bytes() == data

    @pytest.mark.parametrize("size", [0, 1, 33 * MIB])
    def test_a_file_comes_back_as_it_went(self, store: ArtifactStore, tmp_path: Path, size: int) -> None:
        data = content(size)
        (tmp_path / "file").write_bytes(data)
        assert store.put_file("key", tmp_path / "file") == Stored("key", size, sha256(data))
        assert read(store, "key") == data

    def test_a_file_that_is_not_there_is_named(self, store: ArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(PermanentError, match=r"Cannot read .*/missing: No such file"):
            store.put_file("key", tmp_path / "missing")

    def test_a_key_that_exists_is_replaced(self, store: ArtifactStore) -> None:
        store.put("key", BytesIO(b"a longer first content"))
        store.put("key", BytesIO(b"second"))
        assert read(store, "key") == b"second"

    @pytest.mark.parametrize("before", [None, b"what was there before"])
    @pytest.mark.parametrize("mark", [0, 1, 20 * MIB])
    def test_a_source_that_fails_stores_nothing(
        self, store: ArtifactStore, before: bytes | None, mark: int
    ) -> None:
        if before is not None:
            store.put("dir/key", BytesIO(before))
        with pytest.raises(OSError, match="the disk is on fire"):
            store.put("dir/key", Pieces(content(40 * MIB), {mark: raising(OSError("the disk is on fire"))}))
        assert (read(store, "dir/key") if before is not None else store.stat("dir/key")) == before
        assert list(store.keys("dir")) == ["dir/key"] * (before is not None)

    @pytest.mark.parametrize("before", [None, b"what was there before"])
    def test_a_process_that_is_killed_stores_nothing(self, place: Place, before: bytes | None) -> None:
        store = open_store(*place)
        if before is not None:
            store.put("dir/key", BytesIO(before))
        killed = child.run("put-and-die", *place, "dir/key")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (read(store, "dir/key") if before is not None else store.stat("dir/key")) == before
        assert list(store.keys("dir")) == ["dir/key"] * (before is not None)

    @pytest.mark.parametrize(
        ("stands", "message"),
        [
            (b"0123456", "has 7 bytes, but 10 were recorded"),
            (b"0123456789A", "has 11 bytes, but 10 were recorded"),
            (b"012345678X", "has sha256 .*, but .* was recorded"),
            (b"", "has 0 bytes, but 10 were recorded"),
        ],
    )
    def test_an_object_that_changed_is_never_delivered(
        self, store: ArtifactStore, tmp_path: Path, stands: bytes, message: str
    ) -> None:
        recorded = store.put("key", BytesIO(b"0123456789"))
        store.put("key", BytesIO(stands))
        (tmp_path / "existing").write_text("stays")
        for name in ("new", "existing"):
            with pytest.raises(ArtifactCorrupt, match=message):
                store.get_file("key", tmp_path / name, size=recorded.size, sha256=recorded.sha256)
        assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
            "existing": "stays"
        }

    def test_what_is_not_there_is_said_by_name(self, store: ArtifactStore, tmp_path: Path) -> None:
        store.put("dir/key", BytesIO(b"x"))
        for missing in ("nothing", "dir", "dir/key/below"):
            assert store.stat(missing) is None
            with pytest.raises(ArtifactNotFound, match=f"Nothing is stored at .*{missing}"):
                store.open(missing)
            with pytest.raises(ArtifactNotFound, match=f"Nothing is stored at .*{missing}"):
                store.get_file(missing, tmp_path / "got", size=1, sha256="")
        assert not (tmp_path / "got").exists()

    @pytest.mark.parametrize("offset", [0, 1, 5, 9, 10, 11, 1000])
    def test_reading_can_begin_anywhere(self, store: ArtifactStore, offset: int) -> None:
        store.put("key", BytesIO(b"0123456789"))
        assert read(store, "key", offset) == b"0123456789"[offset:]

    def test_streams_can_be_left_half_read(self, store: ArtifactStore) -> None:
        store.put("key", BytesIO(content(3 * MIB)))
        for _ in range(40):
            with store.open("key") as stream:
                assert stream.read(10) == content(3 * MIB)[:10]

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_an_odd_key_is_a_key(self, store: ArtifactStore, key: str) -> None:
        store.put(f"odd/{key}", BytesIO(key.encode()))
        assert read(store, f"odd/{key}") == key.encode()
        assert list(store.keys("odd")) == [f"odd/{key}"]
        assert store.link(f"odd/{key}")
        store.delete("odd")
        assert list(store.keys("odd")) == []

    @pytest.mark.parametrize("key", REFUSED_KEYS)
    def test_a_key_that_some_store_could_not_hold_is_refused(self, store: ArtifactStore, key: str) -> None:
        for use in (lambda: store.put(key, BytesIO(b"x")), lambda: store.open(key), lambda: store.stat(key)):
            with pytest.raises(PermanentError, match="cannot be a key"):
                use()

    def test_keys_come_in_the_order_of_their_bytes_however_many(self, store: ArtifactStore) -> None:
        names = [f"many/{number:04}" for number in range(1_100)]
        names += [
            "many/a",
            "many/a-b",
            "many/a.b",
            "many/ab/x",
            "many/b/y/z",
            "many/b-/y",
            "many/é",
            "many/Z",
        ]
        store.put("manyother", BytesIO(b""))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.put(name, BytesIO(b"")), names))
        assert list(store.keys("many")) == sorted(names, key=str.encode)
        assert list(store.keys("many/")) == list(store.keys("many"))
        assert list(store.keys("many/b")) == ["many/b/y/z"]
        assert list(store.keys("")) == sorted([*names, "manyother"], key=str.encode)
        store.delete("many")
        assert list(store.keys("")) == ["manyother"]

    def test_deleting_takes_what_is_below_and_nothing_else(self, store: ArtifactStore) -> None:
        for key in ("run/1/a", "run/1/b/c", "run/10/a", "run/1-x"):
            store.put(key, BytesIO(b"x"))
        store.delete("run/1/")
        store.delete("run/1")
        store.delete("never/there")
        assert list(store.keys("")) == ["run/1-x", "run/10/a"]

    def test_the_whole_store_is_never_deleted(self, store: ArtifactStore) -> None:
        store.put("key", BytesIO(b"x"))
        for prefix in ("", "/", "//"):
            with pytest.raises(PermanentError):
                store.delete(prefix)
        assert list(store.keys("")) == ["key"]

    def test_puts_side_by_side_do_not_mix(self, store: ArtifactStore) -> None:
        contents = [content(3 * MIB + number, number) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: store.put(f"own/{number}", Pieces(contents[number])), range(8)))
            list(pool.map(lambda number: store.put("same", Pieces(contents[number])), range(8)))
        assert [read(store, f"own/{number}") for number in range(8)] == contents
        assert read(store, "same") in contents

    def test_the_check_leaves_nothing_behind(self, store: ArtifactStore) -> None:
        assert "an object was written, read and deleted" in store.check()
        assert list(store.keys("")) == []

    def test_memory_does_not_grow_with_the_object(self, place: Place, tmp_path: Path) -> None:
        done = child.run("there-and-back", *place, "big", str(300 * MIB), str(tmp_path / "big"))
        assert done.returncode == 0, done.stderr
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["put", "get"]
        assert max(int(line.split()[1]) for line in done.stdout.splitlines()) <= 200


def read(store: ArtifactStore, key: str, offset: int = 0) -> bytes:
    with store.open(key, offset) as stream:
        return b"".join(_pieces(stream))


def _pieces(stream: object) -> Iterator[bytes]:
    while piece := stream.read(300_000):  # type: ignore[attr-defined]
        yield piece
