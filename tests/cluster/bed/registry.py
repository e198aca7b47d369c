"""A registry of one image that asks for a password, on the machine: to show that a pull secret is used.

It has just the requests that a node makes to pull: manifests by name, and blobs by digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.cluster.bed.images import Image

_USER, _PASSWORD = "puller", "a-password-of-the-tests"
_FORM = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


@dataclass(frozen=True)
class Registry:
    """Where it listens: host and port."""

    address: str

    @property
    def image(self) -> str:
        return f"{self.address}/private/image:1"

    @property
    def host(self) -> str:
        """The file `hosts.toml` by which containerd speaks to it without TLS."""
        url = f"http://{self.address}"
        return f'server = "{url}"\n[host."{url}"]\ncapabilities = ["pull", "resolve"]\n'

    @property
    def login(self) -> str:
        """The content of a Secret of the type `kubernetes.io/dockerconfigjson`."""
        return json.dumps({"auths": {self.address: {"username": _USER, "password": _PASSWORD}}})


@contextmanager
def private(host: str, image: Image) -> Iterator[Registry]:
    """Listening at `host`, with the first image of the archive."""
    answers = partial(_Answers, _contents(image.archive))
    with ThreadingHTTPServer((host, 0), answers) as server:
        thread = threading.Thread(target=server.serve_forever, name="registry", daemon=True)
        thread.start()
        yield Registry(f"{host}:{server.server_port}")
        server.shutdown()
        thread.join()


def _contents(archive: Path) -> Mapping[str, tuple[str, bytes]]:
    """Type and content by the end of the path: the manifest by the tag, the rest by digest.

    The image is another one than that of the archive, if only by its author: what a kubelet has pulled with a
    password, it gives to nobody without one, under no other name either.
    """
    found: dict[str, tuple[str, bytes]] = {}

    def described(data: bytes, form: str) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        found[digest] = (form, data)
        return {"mediaType": form, "size": len(data), "digest": digest}

    with tarfile.open(archive) as tar:
        first = json.loads(_read(tar, "manifest.json"))[0]
        config = {**json.loads(_read(tar, first["Config"])), "author": "the registry of the tests"}
        layers = [described(_read(tar, name), _LAYER) for name in first["Layers"]]
    manifest = {
        "schemaVersion": 2,
        "mediaType": _FORM,
        "config": described(json.dumps(config).encode(), _CONFIG),
        "layers": layers,
    }
    data = json.dumps(manifest).encode()
    described(data, _FORM)
    return {**found, "1": (_FORM, data)}


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


class _Answers(BaseHTTPRequestHandler):
    def __init__(self, contents: Mapping[str, tuple[str, bytes]], *args: object) -> None:
        self._contents = contents
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        expected = base64.b64encode(f"{_USER}:{_PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self._send(401, "text/plain", b"")
        elif (found := self._contents.get(self.path.rpartition("/")[2])) is not None:
            self._send(200, *found)
        else:
            self._send(404, "text/plain", b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Nothing: the tests say what matters."""

    def _send(self, status: int, form: str, data: bytes) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        else:
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(data).hexdigest()}")
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)
