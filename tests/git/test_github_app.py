"""A GitHub App: its request is signed as RFC 7519 says, and its token opens the repository."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from reconciler.errors import GitError, GitUnavailable
from reconciler.git import github_app
from reconciler.git.access import GitAccess, GitHubApp
from reconciler.git.ledger import LedgerBranch
from reconciler.git.repository import Repository
from tests.git.remotes import Remote, run_commit
from tests.git.servers import Handler, HttpServer, guarded


class Forge:
    """Gives tokens to whoever signs with the key, and the repositories to whoever has the last one."""

    def __init__(self, place: Path, life: float = 3600) -> None:
        self.place = place
        self.life = life
        self.given: list[str] = []
        self.claims: dict[str, object] = {}
        self.status = 201
        self.key = place / "app.pem"
        openssl("genrsa", "-out", str(self.key), "2048")
        openssl("rsa", "-in", str(self.key), "-pubout", "-out", str(place / "public.pem"))

    def manner(self, handler: Handler) -> bool:
        if not handler.path.endswith("/access_tokens"):
            return guarded(lambda: self.given[-1])(handler)
        if self.status != 201:
            return handler.answer(self.status, json.dumps({"message": "not now"}).encode())
        if handler.path != "/api/app/installations/77/access_tokens" or handler.command != "POST":
            return handler.answer(404, b"{}")
        if not self.is_signed(handler.headers["Authorization"].removeprefix("Bearer ")):
            return handler.answer(401, b'{"message": "A JSON web token could not be decoded"}')
        self.given.append(f"ghs_token{len(self.given)}")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.life))
        return handler.answer(201, json.dumps({"token": self.given[-1], "expires_at": until}).encode())

    def is_signed(self, token: str) -> bool:
        """Whether openssl takes the signature; what was claimed is kept."""
        text, _, signature = token.rpartition(".")
        head, claims = (json.loads(decoded(part)) for part in text.split("."))
        self.claims = claims
        (self.place / "text").write_text(text)
        (self.place / "signature").write_bytes(decoded(signature))
        public, signed = str(self.place / "public.pem"), str(self.place / "signature")
        verify = ("dgst", "-sha256", "-verify", public, "-signature", signed, str(self.place / "text"))
        return head == {"alg": "RS256", "typ": "JWT"} and openssl(*verify, code=None) == 0

    def app(self, url: str, key: Path | None = None) -> GitHubApp:
        return GitHubApp("4711", "77", str(key or self.key), f"{url}/api")


def openssl(*words: str, code: int | None = 0) -> int:
    done = subprocess.run(["openssl", *words], capture_output=True, check=False)
    assert code is None or done.returncode == code, done.stderr
    return done.returncode


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


def access(server: HttpServer, remote: Remote, app: GitHubApp, branch: str = "main") -> GitAccess:
    url = f"{server.url}/{Path(remote.directory).name}"
    return GitAccess(url, branch, plain_http=True, timeout=30, app=app)


def test_its_token_reads_and_writes_the_repository(remote: Remote, forge: Forge, tmp_path: Path) -> None:
    commit = remote.commit({"a": b"1"})
    with HttpServer(Path(remote.directory).parent, forge.manner) as server:
        app = forge.app(server.url)
        assert Repository(tmp_path / "clone", access(server, remote, app)).fetch() == commit
        ledger = LedgerBranch(tmp_path / "ledger", access(server, remote, app, "runs"))
        assert ledger.publish(lambda tip: [run_commit(1)]).tip == remote.tip("runs")
    assert forge.given == ["ghs_token0"], "one token serves for as long as it is good"
    now = time.time()
    issued, ends = forge.claims["iat"], forge.claims["exp"]
    assert forge.claims["iss"] == "4711"
    assert isinstance(issued, int)
    assert isinstance(ends, int)
    assert issued < now < ends <= issued + 600


def test_a_token_that_soon_ends_is_replaced(tmp_path: Path) -> None:
    forge = Forge(tmp_path, life=200)
    with HttpServer(tmp_path, forge.manner) as server:
        app = forge.app(server.url)
        assert [github_app.token(app, 10) for _ in range(2)] == ["ghs_token0", "ghs_token1"]


def test_a_foreign_key_is_refused_with_what_to_do(forge: Forge, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    openssl("genrsa", "-out", str(other), "2048")
    with HttpServer(tmp_path, forge.manner) as server, pytest.raises(GitError) as caught:
        github_app.token(forge.app(server.url, other), 10)
    assert (
        "answered 401 to the GitHub App 4711: A JSON web token could not be decoded" in caught.value.message
    )
    assert caught.value.hint == "Check the ids of App and installation, and its private key."


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_be_better_later_is_told_as_that(forge: Forge, tmp_path: Path, status: int) -> None:
    forge.status = status
    with HttpServer(tmp_path, forge.manner) as server, pytest.raises(GitUnavailable, match="not now"):
        github_app.token(forge.app(server.url), 10)


def test_a_server_that_is_not_there_is_unavailable(forge: Forge) -> None:
    with pytest.raises(GitUnavailable, match="does not give a token"):
        github_app.token(forge.app("http://127.0.0.1:9"), 10)


@pytest.mark.parametrize("content", [None, b"no key"], ids=["missing", "nonsense"])
def test_a_key_that_cannot_be_used_is_named(forge: Forge, tmp_path: Path, content: bytes | None) -> None:
    key = tmp_path / "bad.pem"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(GitError, match=r"bad\.pem"):
        github_app.token(forge.app("http://127.0.0.1:9", key), 10)
