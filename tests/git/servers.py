"""A git server over http, with the manners that a test asks for."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.git.remotes import ENV


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    authorization: str | None


Manner = Callable[["Handler"], bool]
"""Answers a request itself and returns True, or leaves it to git."""


@dataclass
class HttpServer:
    """Serves the repositories below `root` by `git http-backend`."""

    root: Path
    manner: Manner = lambda handler: False
    requests: list[Request] = field(default_factory=list)
    host: str = "127.0.0.1"

    def __enter__(self) -> HttpServer:
        self._released = threading.Event()
        self._server = ThreadingHTTPServer((self.host, 0), Handler)
        self._server.git = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._server.server_address[1]}"

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self._released.wait()


class Handler(BaseHTTPRequestHandler):
    server: Any

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        git = self.server.git
        git.requests.append(Request(self.command, self.path, self.headers["Authorization"]))
        if not git.manner(self):
            self._backend(git.root)

    do_POST = do_GET  # noqa: N815

    def answer(self, status: int, body: bytes = b"", **headers: str) -> bool:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return True

    def vanish(self, root: Path) -> None:
        """Let git do what was asked for, and break the connection instead of answering."""
        self._run(root)
        self.close_connection = True

    def _backend(self, root: Path) -> None:
        head, _, content = self._run(root).partition(b"\r\n\r\n")
        status = 200
        headers = {}
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            else:
                headers[name.replace("-", "_")] = value
        self.answer(status, content, **headers)

    def _run(self, root: Path) -> bytes:
        path, _, query = self.path.partition("?")
        env = {
            **ENV,
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
        }
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True)
        return done.stdout


def guarded(token_of: Callable[[], str]) -> Manner:
    """Ask for a token as forges do: user x-access-token, the token as password."""
    from base64 import b64encode

    def manner(handler: Handler) -> bool:
        wanted = "Basic " + b64encode(f"x-access-token:{token_of()}".encode()).decode()
        if handler.headers["Authorization"] == wanted:
            return False
        return handler.answer(401, b"no", WWW_Authenticate='Basic realm="git"')

    return manner
