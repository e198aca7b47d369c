"""Over http: tokens, redirects, and servers that misbehave."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.errors import GitError, GitUnavailable
from reconciler.git.access import GitAccess
from reconciler.git.ledger import LedgerBranch
from reconciler.git.repository import Repository
from tests.git.remotes import Remote, run_commit
from tests.git.servers import Handler, HttpServer, guarded

TOKEN = "ghs_Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OQ"


@pytest.fixture
def server(remote: Remote) -> Iterator[HttpServer]:
    with HttpServer(remote.directory.parent) as running:
        yield running


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret" / "token"
    path.parent.mkdir()
    path.write_text(f"{TOKEN}\n")
    return path


def access(server: HttpServer, branch: str = "main", **options: object) -> GitAccess:
    return GitAccess(f"{server.url}/remote.git", branch, plain_http=True, **options)  # type: ignore[arg-type]


def test_a_public_repository_is_read_without_a_token(
    remote: Remote, server: HttpServer, tmp_path: Path
) -> None:
    commit = remote.commit({"a": b"1"})

    assert Repository(tmp_path / "clone", access(server)).fetch() == commit
    assert {request.authorization for request in server.requests} == {None}


def test_a_token_is_sent_with_the_first_request_and_results_are_pushed(
    remote: Remote, server: HttpServer, tmp_path: Path, token_file: Path
) -> None:
    server.manner = guarded(lambda: TOKEN)
    commit = remote.commit({"a": b"1"})

    source = Repository(tmp_path / "clone", access(server, token_file=token_file))
    assert source.fetch() == commit
    assert None not in {request.authorization for request in server.requests}

    ledger = LedgerBranch(tmp_path / "ledger", access(server, "runs", token_file=token_file))
    assert ledger.publish(lambda tip: [run_commit(1)]).tip == remote.tip("runs")


def test_row_26_a_token_that_was_rotated_counts_at_once(
    remote: Remote, server: HttpServer, tmp_path: Path, token_file: Path
) -> None:
    current = [TOKEN]
    server.manner = guarded(lambda: current[0])
    remote.commit({"a": b"1"})
    source = Repository(tmp_path / "clone", access(server, token_file=token_file))
    source.fetch()

    current[0] = "another"
    with pytest.raises(GitError, match="Could not fetch 'main'") as refused:
        source.fetch()
    assert "Check that the token" in refused.value.hint

    token_file.write_text("another")
    assert source.fetch() == remote.tip()


def test_row_26_the_token_is_in_no_file_no_argument_and_no_message(
    remote: Remote, server: HttpServer, tmp_path: Path, token_file: Path
) -> None:
    remote.commit({"a": b"1"})
    seen: list[bytes] = []

    def watch(handler: Handler) -> bool:
        seen.extend(command_lines().values())
        return handler.answer(403, f"forbidden: {TOKEN}".encode())

    place = tmp_path / "state"
    source = Repository(place / "clone", access(server, token_file=token_file))
    source.fetch()
    server.manner = watch
    with pytest.raises(GitError) as refused:
        source.fetch()

    git_lines = [line for line in seen if b"git" in line]
    assert any(b"remote-http" in line for line in git_lines)
    leaks = (TOKEN.encode(), b"eC1hY2Nlc3MtdG9rZW46")  # the second is base64 of the user name
    assert not [line for line in seen if any(leak in line for leak in leaks)]
    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(refused.value.__cause__)
    files = [path for path in place.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if any(leak in path.read_bytes() for leak in leaks)]


def command_lines() -> dict[int, bytes]:
    """What `ps` would show to anybody on this machine."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError):
                found[int(place.name)] = (place / "cmdline").read_bytes()
    return found


def test_row_26_what_a_server_says_is_shown_without_credentials(
    remote: Remote, server: HttpServer, tmp_path: Path, token_file: Path
) -> None:
    remote.git("config", "receive.denyCurrentBranch", "refuse")
    hook = remote.directory / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho 'token {TOKEN} and https://me:{TOKEN}@host/x are bad' >&2\nexit 1\n")
    hook.chmod(0o755)
    ledger = LedgerBranch(tmp_path / "ledger", access(server, "runs", token_file=token_file))

    with pytest.raises(GitError) as refused:
        ledger.publish(lambda tip: [run_commit(1)])

    assert "pre-receive hook declined" in str(refused.value)
    assert "are bad" in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_row_02_a_redirect_is_not_followed_and_sends_no_token(
    remote: Remote, server: HttpServer, tmp_path: Path, token_file: Path
) -> None:
    remote.commit({"a": b"1"})
    with HttpServer(remote.directory.parent) as other:
        server.manner = lambda handler: handler.answer(302, Location=f"{other.url}{handler.path}")

        with pytest.raises(GitError, match="Could not fetch") as refused:
            Repository(tmp_path / "clone", access(server, token_file=token_file)).fetch()

        assert other.requests == []
        assert len(server.requests) == 1
        assert "redirect" in refused.value.hint


def test_row_04_a_fetch_speaks_to_one_host_only(remote: Remote, server: HttpServer, tmp_path: Path) -> None:
    with HttpServer(remote.directory.parent) as other:
        modules = f'[submodule "x"]\n\tpath = sub\n\turl = {other.url}/remote.git\n'.encode()
        lfs = f"[lfs]\n\turl = {other.url}/lfs\n".encode()
        remote.commit({".gitmodules": modules, ".lfsconfig": lfs, "sub": ("160000", "1" * 40), "a": b"1"})
        source = Repository(tmp_path / "clone", access(server))
        tip = source.fetch()
        assert tip
        list(source.read([entry.blob for entry in source.entries(tip)], 1000))

        assert other.requests == []
        assert server.requests


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_in_trouble_is_for_the_next_pass(
    remote: Remote, server: HttpServer, tmp_path: Path, status: int
) -> None:
    server.manner = lambda handler: handler.answer(status)

    with pytest.raises(GitUnavailable, match=str(status)):
        Repository(tmp_path / "clone", access(server)).fetch()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_needs_a_person(
    remote: Remote, server: HttpServer, tmp_path: Path, status: int
) -> None:
    server.manner = lambda handler: handler.answer(status)

    with pytest.raises(GitError):
        Repository(tmp_path / "clone", access(server)).fetch()


def test_a_server_that_is_away_is_for_the_next_pass(tmp_path: Path) -> None:
    gone = GitAccess("http://127.0.0.1:1/x.git", "main", plain_http=True)

    with pytest.raises(GitUnavailable, match=r"Could not fetch 'main' \(http://127\.0\.0\.1:1/x\.git\)"):
        Repository(tmp_path / "clone", gone).fetch()


def test_a_host_without_an_address_is_for_the_next_pass(tmp_path: Path) -> None:
    gone = GitAccess("https://nowhere.invalid/x.git", "main", timeout=20)

    with pytest.raises(GitUnavailable):
        Repository(tmp_path / "clone", gone).fetch()


def test_row_27_a_server_that_hangs_is_left_with_all_helpers(
    remote: Remote, server: HttpServer, tmp_path: Path
) -> None:
    server.manner = lambda handler: server.hang() or True
    source = Repository(tmp_path / "clone", access(server, timeout=0.2))

    with pytest.raises(GitUnavailable, match="timed out"):
        source.fetch()

    wait_until_gone(server.url)


def test_row_22_a_push_that_the_server_took_before_the_client_died_is_found(
    remote: Remote, server: HttpServer, tmp_path: Path
) -> None:
    """Its answer never arrives; the next pass sees the run on the branch, and does not repeat it."""

    def take_and_die(handler: Handler) -> bool:
        if handler.command == "POST" and "receive-pack" in handler.path:
            handler.vanish(server.root)
            return True
        return False

    server.manner = take_and_die
    ledger = LedgerBranch(tmp_path / "ledger", access(server, "runs"))
    with pytest.raises(GitUnavailable):
        ledger.publish(lambda tip: [run_commit(1)])
    pushed = remote.tip("runs")
    assert pushed is not None

    server.manner = lambda handler: False
    again = LedgerBranch(tmp_path / "ledger", access(server, "runs"))
    present: list[str] = []

    def build(tip: object) -> list[object]:
        present.extend(entry.message.splitlines()[0] for entry in again.messages(None))
        return []

    result = again.publish(build)  # type: ignore[arg-type]
    assert (result.tip, result.commits) == (pushed, ())
    assert present == ["train #1: Succeeded"]


def wait_until_gone(text: str) -> None:
    """Returns once no process has `text` in its arguments; they were killed, but it takes them a moment."""
    for pid, line in command_lines().items():
        if text.encode() in line:
            with suppress(ProcessLookupError):
                watch = os.pidfd_open(pid)
                ready, _, _ = select.select([watch], [], [], 10)
                os.close(watch)
                assert ready, f"still running: {line!r}"
