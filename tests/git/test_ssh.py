"""Over ssh, against a real sshd: the host is known, or nothing is said to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import GitError
from reconciler.git.ledger import LedgerBranch
from reconciler.git.repository import Repository
from tests.git import sshd
from tests.git.remotes import Remote, run_commit
from tests.git.sshd import SshServer

pytestmark = pytest.mark.skipif(sshd.SSHD is None, reason=sshd.MISSING)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with sshd.running(tmp_path / "ssh") as started:
        yield started


def test_a_repository_is_read_and_written_over_ssh(remote: Remote, server: SshServer, tmp_path: Path) -> None:
    commit = remote.commit({"a": b"1"})

    assert Repository(tmp_path / "clone", server.access(remote)).fetch() == commit
    ledger = LedgerBranch(tmp_path / "ledger", server.access(remote, "runs"))
    assert ledger.publish(lambda tip: [run_commit(1)]).tip == remote.tip("runs")


def test_row_28_an_unknown_host_key_is_refused(remote: Remote, server: SshServer, tmp_path: Path) -> None:
    remote.commit({"a": b"1"})
    (server.place / "known_hosts").write_text("")

    with pytest.raises(GitError, match="Host key verification failed") as refused:
        Repository(tmp_path / "clone", server.access(remote)).fetch()
    assert "known_hosts" in refused.value.hint
    assert (server.place / "known_hosts").read_text() == ""


def test_row_28_another_host_key_than_the_known_one_is_refused(
    remote: Remote, server: SshServer, tmp_path: Path
) -> None:
    remote.commit({"a": b"1"})
    other = (server.place / "other-host.pub").read_text()
    (server.place / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}")

    with pytest.raises(GitError, match=r"Could not fetch .* Host key verification failed"):
        Repository(tmp_path / "clone", server.access(remote)).fetch()


def test_a_key_that_the_server_does_not_know_needs_a_person(
    remote: Remote, server: SshServer, tmp_path: Path
) -> None:
    remote.commit({"a": b"1"})

    with pytest.raises(GitError, match="Permission denied") as refused:
        Repository(tmp_path / "clone", server.access(remote, ssh_key=server.place / "stranger")).fetch()
    assert "Check that the token or key" in refused.value.hint
