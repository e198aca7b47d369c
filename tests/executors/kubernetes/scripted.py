"""An API server that says what a test wants it to say: for answers that a real one gives once in a year."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What is sent: a body, or `lines` (JSON, or bytes as they are) one by one. Then the connection is
    closed, or kept open if it `hangs`."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Any, ...] | None = None
    hangs: bool = False


Script = Callable[[Request], Answer | None]
"""None: the connection is cut without an answer."""


@dataclass
class Api:
    """Where it listens, and what it was asked."""

    directory: Path
    port: int
    asked: list[Request]
    released: threading.Event

    @property
    def kubeconfig(self) -> str:
        path = self.directory / "kubeconfig"
        named = {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": "t0ken"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "flows"}}],
        }
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", **named}))
        return str(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def request_read(self) -> Request:
        parts = urlsplit(self.path)
        size = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return Request(self.command, parts.path, query, body)

    def give(self, answer: Answer, released: threading.Event) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.lines is None:
            data = json.dumps(answer.body).encode()
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for line in answer.lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()
        if answer.hangs:
            released.wait(60)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *words: Any) -> None:
        pass

    def finish(self) -> None:
        with suppress(OSError):  # whoever asked may have gone
            super().finish()


@contextmanager
def api(directory: Path, script: Script) -> Iterator[Api]:
    """A server on loopback; `released` lets go of answers that hang."""
    asked: list[Request] = []
    released = threading.Event()

    class Handler(_Handler):
        def handle_any(self) -> None:
            request = self.request_read()
            asked.append(request)
            answer = script(request)
            if answer is None:
                self.close_connection = True
            else:
                self.give(answer, released)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Api(directory, server.server_port, asked, released)
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()
