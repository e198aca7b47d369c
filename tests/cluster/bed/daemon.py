"""One program of the bed: it writes to a log, is waited for, and never outlives the tests.

`setpriv --pdeathsig` has the kernel kill it when the thread that started it dies. So start daemons from the
main thread only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests import servers

PATIENCE = 180.0
"""Seconds to wait for what takes a few on an idle machine."""
_PACKAGES = {
    "buildah": "buildah",
    "containerd": "containerd",
    "ctr": "containerd",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "runc": "runc",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


class BedError(Exception):
    """The bed could not do what it was asked; says what, and the end of the log that tells why."""


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, saying how to get it, and fails in CI."""
    if name not in _PACKAGES:
        return servers.demand(name)
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    return found or missing(f"{name} is not installed (on Debian: apt install {_PACKAGES[name]})")


def missing(reason: str) -> str:
    """What the bed needs is not there: skip, and in CI fail."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def run(*command: str, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None) -> str:
    """What the command prints; BedError, with what it says, where it fails."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        command, input=given, capture_output=True, env=None if env is None else {**os.environ, **env}
    )
    if done.returncode:
        raise BedError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr.decode().strip()}")
    return done.stdout.decode()


def until(
    what: str, check: Callable[[], object], seconds: float = PATIENCE, alive: Sequence[Daemon] = ()
) -> None:
    """Return once `check` is true; BedError with the logs where it never is or one of `alive` has died."""
    end = time.monotonic() + seconds
    while not check():
        dead = [daemon for daemon in alive if not daemon.alive]
        if dead or time.monotonic() > end:
            cause = f"{dead[0].name} died" if dead else f"not in {seconds:.0f} s"
            raise BedError("\n".join([f"{what}: {cause}", *(daemon.tail() for daemon in dead or alive)]))
        time.sleep(0.05)


class Daemon:
    """A program that runs until it is stopped."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [tool("setpriv"), "--pdeathsig", "KILL", "--", *command],
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the tests; they stop the daemons in order
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def child(self) -> int:
        """The process id of its only child: what `unshare --fork` and `nsenter` run."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        until(f"{self.name} starts its program", lambda: path.read_text().split(), alive=[self])
        return int(path.read_text().split()[0])

    def stop(self, grace: float = 10.0) -> None:
        """End it: SIGTERM, and after `grace` seconds SIGKILL."""
        if grace and self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def tail(self) -> str:
        """The end of its log, with its place."""
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n  ".join([f"{self.log}:", *lines])
