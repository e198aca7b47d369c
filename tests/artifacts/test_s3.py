"""The S3 store, against real servers."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from reconciler.artifacts import S3Access, open_store
from reconciler.artifacts.s3 import S3Store
from reconciler.artifacts.s3_client import Patience
from reconciler.artifacts.s3_multipart import part_sizes, parts
from reconciler.errors import ArtifactCorrupt, PermanentError, SettingsError, StoreUnavailable
from tests import servers
from tests.artifacts.contract import Place, StoreContract, read
from tests.artifacts.streams import MIB, Pieces, content, raising
from tests.servers import BUCKET, Server

pytestmark = pytest.mark.s3
HASTY = Patience(connect=1, answer=1, retries=1)
_prefixes = itertools.count()


class TestS3Store(StoreContract):
    @pytest.fixture
    def place(self, server: Server) -> Place:
        return f"s3://{BUCKET}/test-{next(_prefixes)}", server.access


@pytest.fixture
def access(server: Server) -> S3Access:
    return replace(server.access, prefix=f"test-{next(_prefixes)}")


class TestAnUploadInParts:
    @pytest.mark.parametrize("error", [OSError("broken source"), KeyboardInterrupt()])
    def test_leaves_no_parts_behind_when_it_fails(self, access: S3Access, error: BaseException) -> None:
        with pytest.raises(type(error)):
            S3Store(access).put("key", Pieces(content(60 * MIB), {40 * MIB: raising(error)}))
        found = servers.client(access)._list_multipart_uploads(BUCKET, prefix=f"{access.prefix}/key")
        assert found.uploads == []

    def test_has_the_content_type_that_was_asked_for(self, access: S3Access) -> None:
        store = S3Store(access)
        store.put("small", BytesIO(b"<html>"), content_type="text/html")
        store.put("large", BytesIO(content(20 * MIB)), content_type="image/png")
        kinds = [
            servers.client(access).stat_object(BUCKET, f"{access.prefix}/{key}").content_type
            for key in ("small", "large")
        ]
        assert kinds == ["text/html", "image/png"]

    @pytest.mark.parametrize("length", [16 * MIB, 5 << 30, 200 << 30, 500 << 30])
    def test_keeps_to_parts_of_64_mib_up_to_500_gib(self, length: int) -> None:
        assert _largest_part(part_sizes(length), length) <= 64 * MIB
        assert _largest_part(part_sizes(None), length) <= 64 * MIB

    def test_takes_larger_parts_for_what_else_would_not_fit(self) -> None:
        assert _largest_part(part_sizes(5 << 40), 5 << 40) <= 525 * MIB
        assert _largest_part(part_sizes(None), 1000 << 30) <= 512 * MIB

    def test_never_drops_what_does_not_fit(self) -> None:
        pieces = parts(BytesIO(b"0123456789A"), iter([4, 6]))
        assert [next(pieces), next(pieces)] == [b"0123", b"456789"]
        with pytest.raises(PermanentError, match="too long"):
            next(pieces)
        assert list(parts(BytesIO(b"0123456789"), iter([4, 6]))) == [b"0123", b"456789"]


def _largest_part(sizes: Iterator[int], total: int) -> int:
    """The largest of the parts that `total` bytes take; an error if there are not enough."""
    sent, largest = 0, 0
    while sent < total:
        largest = next(sizes)
        sent += largest
    return largest


class TestAServerThatGoesAway:
    def test_while_it_is_written_to_is_unavailable(self, own_server: Server) -> None:
        store = S3Store(own_server.access, HASTY)
        with pytest.raises(StoreUnavailable, match="s3://artifacts/key: the server does not answer"):
            store.put("key", Pieces(content(100 * MIB), {40 * MIB: own_server.kill}))

    def test_while_it_is_read_from_is_unavailable(self, own_server: Server, tmp_path: Path) -> None:
        store = S3Store(own_server.access, HASTY)
        store.put("key", BytesIO(content(64 * MIB)))
        with store.open("key") as stream:
            stream.read(MIB)
            own_server.kill()
            with pytest.raises(StoreUnavailable, match="s3://artifacts/key: the server does not answer"):
                _read_on(stream.read)

    def test_is_unavailable_for_every_method(self, own_server: Server, tmp_path: Path) -> None:
        store = S3Store(own_server.access, HASTY)
        own_server.kill()
        for use in (
            lambda: store.put("key", BytesIO(b"x")),
            lambda: store.open("key"),
            lambda: store.get_file("key", tmp_path / "got", size=1, sha256=""),
            lambda: store.stat("key"),
            lambda: list(store.keys("dir")),
            lambda: store.delete("dir"),
            store.check,
        ):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                use()
        assert list(tmp_path.iterdir()) == []

    def test_and_one_that_hangs_is_not_waited_for_for_ever(self, own_server: Server) -> None:
        store = S3Store(own_server.access, HASTY)
        own_server.freeze()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.stat("key")
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.put("key", BytesIO(content(40 * MIB)))


def _read_on(read: Callable[[int], bytes]) -> None:
    while read(MIB):
        pass


class TestAReader:
    def test_goes_on_where_the_connection_broke(self, access: S3Access) -> None:
        store, data = S3Store(access), content(30 * MIB)
        store.put("key", BytesIO(data))
        with store.open("key") as stream:
            got = stream.read(10 * MIB)
            _break_connection(stream)
            got += stream.read(10 * MIB) + stream.read(20 * MIB)
        assert got == data

    def test_does_not_go_on_with_another_object(self, access: S3Access) -> None:
        store = S3Store(access)
        store.put("key", BytesIO(content(30 * MIB, seed=1)))
        with store.open("key") as stream:
            stream.read(10 * MIB)
            _break_connection(stream)  # first, as MinIO lets no writer in while somebody reads
            store.put("key", BytesIO(content(30 * MIB, seed=2)))
            with pytest.raises(ArtifactCorrupt, match="was replaced while it was read"):
                _read_on(stream.read)


def _break_connection(stream: object) -> None:
    """Shut the socket as a network that fails does: the reader meets an end that comes too early."""
    stream._response._connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


class TestARefusal:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"secret_key": "the-wrong-secret"}, "Check the secret key"),
            ({"access_key": "nobody"}, "Check the access key"),
            ({"bucket": "not-there"}, "Create the bucket first"),
        ],
    )
    def test_says_what_to_change(
        self, access: S3Access, tmp_path: Path, change: dict[str, str], message: str
    ) -> None:
        changed = replace(access, **change)  # type: ignore[arg-type]
        store = S3Store(changed, HASTY)
        for use in (
            store.check,
            lambda: store.put("key", BytesIO(content(20 * MIB))),
            lambda: store.open("key"),
            lambda: list(store.keys("dir")),
        ):
            with pytest.raises(PermanentError, match=message) as raised:
                use()
            assert changed.secret_key not in f"{raised.value}{raised.value.__cause__!r}"

    def test_of_an_encrypted_connection_names_the_reason(self, access: S3Access) -> None:
        with pytest.raises(PermanentError, match="no trusted connection") as raised:
            S3Store(replace(access, secure=True), HASTY).check()
        assert "speaks https" in raised.value.hint

    @pytest.mark.parametrize("endpoint", ["http://host:1", "host/path", "host:port", ""])
    def test_of_a_nonsensical_endpoint_is_one_of_the_settings(self, access: S3Access, endpoint: str) -> None:
        with pytest.raises(SettingsError, match="endpoint"):
            S3Store(replace(access, endpoint=endpoint)).stat("key")


def test_a_store_sees_only_its_own_prefix(access: S3Access) -> None:
    url = f"s3://{BUCKET}/{access.prefix}"
    inner, outer = open_store(f"{url}/inner/", access), open_store(url, access)
    outer.put("innermost", BytesIO(b"x"))
    inner.put("key", BytesIO(b"y"))
    assert list(inner.keys("")) == ["key"]
    assert list(outer.keys("")) == ["inner/key", "innermost"]
    assert read(outer, "inner/key") == b"y"


def test_secrets_are_not_shown() -> None:
    assert "hidden" not in repr(S3Access("host", "user", "hidden"))


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        ("", "s3://bucket/pre/fix/a b/ü"),
        ("https://files.example.org/{bucket}/{key}", "https://files.example.org/bucket/pre/fix/a%20b/%C3%BC"),
    ],
)
def test_a_link_can_be_opened_where_a_public_address_is_known(public_url: str, link: str) -> None:
    access = S3Access("host", "user", "secret", public_url=public_url)
    assert open_store("s3://bucket/pre/fix", access).link("a b/ü") == link
