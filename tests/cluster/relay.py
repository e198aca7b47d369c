"""What stands between a pass and the API server: connections that break or go silent, and answers of 429.

`Relay` passes bytes on and knows nothing of them; `Throttle` speaks HTTP and sometimes sends a client away.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from tests.cluster.bed.control import ControlPlane


def kubeconfig(plane: ControlPlane, server: str, path: Path) -> Path:
    """The administrator's, by way of `server`."""
    path.write_text(plane.kubeconfig.read_text().replace(plane.server, server))
    return path


class Relay:
    """A port of this machine that leads to the API server."""

    def __init__(self, plane: ControlPlane) -> None:
        self._target = urlsplit(plane.server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.server = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._silent: set[socket.socket] = set()
        self._open: list[socket.socket] = []
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> int:
        """Pass nothing on any more over what is open, and leave it open: how many connections that are."""
        with self._lock:
            self._silent.update(self._open)
            return len(self._open) // 2

    def cut(self) -> None:
        """Close every connection, and each new one."""
        with self._lock:
            self._is_cut = True
            self._close(self._open)

    def mend(self) -> None:
        """Take connections again."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._lock:
                    self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        try:
            if self._is_cut:
                raise ConnectionError
            far = socket.create_connection((self._target.hostname or "", self._target.port or 443))
        except OSError:
            near.close()
            return
        self._open += [near, far]
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if source not in self._silent:
                    sink.sendall(block)
        if source not in self._silent:
            self._close([source, sink])

    def _close(self, sockets: list[socket.socket]) -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def relayed(plane: ControlPlane) -> Iterator[Relay]:
    relay = Relay(plane)
    try:
        yield relay
    finally:
        relay.close()


class Throttle(ThreadingHTTPServer):
    """Passes requests on, but answers every `nth` write with 429 and a time to come back."""

    daemon_threads = True

    def __init__(self, plane: ControlPlane, nth: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server = f"http://127.0.0.1:{self.server_port}"
        self.target = plane.server
        self.http = urllib3.PoolManager(ca_certs=plane.keys.path("ca.crt"), retries=False, maxsize=32)
        self.nth = nth
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def sends_away(self, method: str) -> bool:
        with self.lock:
            if method == "GET":
                return False
            self.counts["writes"] += 1
            is_so = self.counts["writes"] % self.nth == 0
            self.counts["sent away"] += is_so
            return is_so


@contextmanager
def throttled(plane: ControlPlane, nth: int) -> Iterator[Throttle]:
    with Throttle(plane, nth) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Throttle

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.sends_away(self.command):
            self._answer(429, b'{"kind":"Status","message":"too many requests"}', {"Retry-After": "1"})
            return
        headers = {name: self.headers[name] for name in self.headers if name.lower() != "host"}
        answer = self.server.http.request(
            self.command,
            self.server.target + self.path,
            body=body or None,
            headers=headers,
            preload_content=False,
            timeout=120,
        )
        with suppress(OSError):
            if "watch=1" in self.path:
                self._pass_on(answer)
            else:
                self._answer(answer.status, answer.read(), {"Content-Type": "application/json"})
        answer.close()

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self, answer: urllib3.BaseHTTPResponse) -> None:
        """A watch, as it comes; the connection ends with it."""
        self.send_response(answer.status)
        self.send_header("Connection", "close")
        self.end_headers()
        while block := answer.read1():
            self.wfile.write(block)
        self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the base class

    def log_message(self, *arguments: object) -> None:
        """Nothing: the API server has a log of its own."""
