"""Over ssh, against a real sshd: the host is known, or nothing is said to it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.errors import GitError
from reconciler.git.access import GitAccess
from reconciler.git.ledger import LedgerBranch
from reconciler.git.repository import Repository
from tests.git.remotes import Remote, run_commit

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin:/bin")
pytestmark = pytest.mark.skipif(SSHD is None, reason="needs openssh-server (apt-get install openssh-server)")


@dataclass(frozen=True)
class SshServer:
    port: int
    place: Path

    def access(self, remote: Remote, branch: str = "main", **options: object) -> GitAccess:
        user = pwd.getpwuid(os.getuid()).pw_name
        values = {"ssh_key": self.place / "client", "known_hosts": self.place / "known_hosts", **options}
        url = f"ssh://{user}@127.0.0.1:{self.port}{remote.directory}"
        return GitAccess(url, branch, timeout=30, **values)  # type: ignore[arg-type]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    place = tmp_path / "ssh"
    place.mkdir(mode=0o700)
    for name in ("host", "client", "stranger", "other-host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
    (place / "authorized_keys").write_text((place / "client.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (place / "known_hosts").write_text(f"[127.0.0.1]:{port} {(place / 'host.pub').read_text()}")
    config = (
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {place}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {place}/authorized_keys\nPasswordAuthentication no\nUsePAM no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin yes\n"
    )
    (place / "config").write_text(config)
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    assert SSHD is not None
    with (
        (place / "log").open("wb") as log,
        subprocess.Popen([SSHD, "-D", "-e", "-f", place / "config"], stderr=subprocess.PIPE) as process,
    ):
        assert process.stderr is not None
        line = process.stderr.readline()
        while line and b"Server listening" not in line:
            log.write(line)
            line = process.stderr.readline()
        assert line, "sshd did not start"
        yield SshServer(port, place)
        process.terminate()
        process.communicate()


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
