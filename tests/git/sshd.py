"""A real sshd for git, on an address and a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.git.access import GitAccess
from tests.git.remotes import Remote
from tests.servers import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin:/bin")
MISSING = "needs openssh-server (apt-get install openssh-server)"


@dataclass(frozen=True)
class SshServer:
    """Keys are in `place`: `client` may come in; `known_hosts` knows the server's."""

    host: str
    port: int
    place: Path

    def url(self, directory: Path) -> str:
        user = pwd.getpwuid(os.getuid()).pw_name
        return f"ssh://{user}@{self.host}:{self.port}{directory}"

    def access(self, remote: Remote, branch: str = "main", **options: object) -> GitAccess:
        values = {"ssh_key": self.place / "client", "known_hosts": self.place / "known_hosts", **options}
        return GitAccess(self.url(Path(remote.directory)), branch, timeout=30, **values)  # type: ignore[arg-type]


@contextmanager
def running(place: Path, host: str = "127.0.0.1") -> Iterator[SshServer]:
    """A server with its keys below `place`; it ends with the block."""
    place.mkdir(mode=0o700)
    for name in ("host", "client", "stranger", "other-host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
    (place / "authorized_keys").write_text((place / "client.pub").read_text())
    port = free_port()
    (place / "known_hosts").write_text(f"[{host}]:{port} {(place / 'host.pub').read_text()}")
    config = (
        f"ListenAddress {host}\nPort {port}\nHostKey {place}/host\nPidFile none\nStrictModes no\n"
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
        yield SshServer(host, port, place)
        process.terminate()
        process.communicate()
