"""Answers of S3 servers that MinIO and versitygw do not give on demand, from a server that plays them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest

from reconciler.artifacts import S3Access
from reconciler.artifacts.s3 import S3Store
from reconciler.artifacts.s3_client import Patience
from reconciler.errors import ArtifactNotFound, PermanentError, StoreUnavailable
from tests.artifacts.streams import MIB, content

Answer = tuple[int, dict[str, str], bytes]
HASTY = Patience(connect=1, answer=2, retries=1)


@contextmanager
def answering(answer: Callable[[str, str], Answer]) -> Iterator[S3Store]:
    """A store whose server gives `answer(method, path)`."""

    class Player(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def play(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/xml",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if self.command != "HEAD" else b"")

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = play  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Player)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield S3Store(
            S3Access(f"127.0.0.1:{server.server_port}", "user", "the-secret", bucket="bucket", secure=False),
            HASTY,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def error(status: int, code: str, **headers: str) -> Answer:
    return (
        status,
        headers,
        f"<Error><Code>{code}</Code><Message>words of the server</Message></Error>".encode(),
    )


def test_parts_that_could_not_be_put_together_are_no_object() -> None:
    """S3 may answer 200 and put the error in the body: it had begun to answer before it knew."""
    asked = []

    def answer(method: str, path: str) -> Answer:
        asked.append(f"{method} {path.partition('?')[2].partition('=')[0]}")
        if method == "POST" and "uploads" in path:
            return 200, {}, b"<R><UploadId>1</UploadId></R>"
        return error(200, "InternalError") if method == "POST" else (200, {"ETag": '"1"'}, b"")

    with (
        answering(answer) as store,
        pytest.raises(StoreUnavailable, match="could not put the parts together"),
    ):
        store.put("key", BytesIO(content(17 * MIB)))
    assert asked[0] == "POST uploads"
    assert asked[-2:] == ["POST uploadId", "DELETE uploadId"]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (error(503, "SlowDown"), StoreUnavailable, "cannot do it now"),
        (error(503, "SlowDown", **{"Retry-After": "86400"}), StoreUnavailable, "cannot do it now"),
        (error(500, "InternalError"), StoreUnavailable, "words of the server"),
        (error(403, "AccessDenied"), PermanentError, "Let the access key read, write"),
        (error(400, "AuthorizationHeaderMalformed"), PermanentError, "Check the region"),
        (error(403, "RequestTimeTooSkewed"), PermanentError, "Set this machine's clock"),
        (error(404, "NoSuchKey"), ArtifactNotFound, "Nothing is stored at s3://bucket/key"),
        (error(418, "Teapot"), PermanentError, "Teapot: words of the server"),
        ((502, {"Content-Type": "text/html"}, b"<html>proxy"), StoreUnavailable, "HTTP status 502"),
        ((404, {"Content-Type": "text/html"}, b"<html>no"), PermanentError, "HTTP status 404"),
    ],
)
def test_an_error_is_one_of_ours(answer: Answer, kind: type[Exception], message: str) -> None:
    with answering(lambda method, path: answer) as store:
        for use in (lambda: store.open("key"), lambda: store.put("key", BytesIO(b"x"))):
            with pytest.raises(kind, match=message) as raised:
                use()
            assert "the-secret" not in str(raised.value)


def test_what_is_no_s3_server_is_said_to_be_none() -> None:
    page = 200, {"Content-Type": "text/html"}, b"<html><br>"
    with (
        answering(lambda method, path: page) as store,
        pytest.raises(PermanentError, match="Check that the endpoint is an S3 server"),
    ):
        list(store.keys("dir"))
