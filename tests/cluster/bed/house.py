"""Where a bed keeps its files, under a number that names all it makes outside of them.

The number is in the names of the bridge and the cgroups, so that the next start can tell what a dead bed
left. A bed is alive while somebody holds the lock on its directory; the kernel lets go of it with the
process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.bed.daemon import BedError, run, tool, until
from tests.cluster.bed.processes import command_lines

CHECKOUT = Path(__file__).parents[3]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconciler-testbed"
_ROOT = Path(os.environ.get("RECONCILER_TESTBED_RUN", "/var/tmp/reconciler-testbed"))
_CGROUPS = Path("/sys/fs/cgroup")
_MOST = 8


@dataclass(frozen=True)
class House:
    """The files of one bed. Paths are short: sockets below it have room for 108 bytes."""

    directory: Path
    logs: Path

    @property
    def number(self) -> int:
        return int(self.directory.name)

    @property
    def bridge(self) -> str:
        return f"rtb{self.number}"

    @property
    def cgroup(self) -> str:
        """The cgroup of its pods, below the root of each hierarchy; nodes append their name."""
        return f"rtb{self.number}-"

    def room(self, name: str) -> Path:
        """A directory for one part of the bed."""
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def clear_cgroup(self, name: str = "") -> None:
        """Remove the cgroups of a node, or of all, in each hierarchy; what runs there is killed."""
        for top in [*_CGROUPS.glob(f"{self.cgroup}{name}*"), *_CGROUPS.glob(f"*/{self.cgroup}{name}*")]:
            until(f"cgroup {top} is removed", lambda top=top: _remove_cgroup(top), 30)  # type: ignore[misc]


@contextmanager
def opened(name: str) -> Iterator[House]:
    """A house for a bed; its logs stay in `.testbed/logs/<name>`, all else goes with the block."""
    logs = CHECKOUT / ".testbed" / "logs" / name
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    _ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory, lock = _claim()
    house = House(directory, logs)
    try:
        yield house
    finally:
        _demolish(house)
        os.close(lock)


def _claim() -> tuple[Path, int]:
    """The first free number, and the lock on it; what dead beds left is removed on the way."""
    with open(_ROOT / "lock", "w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        free = [
            (_ROOT / str(number), lock) for number in range(_MOST) if (lock := _lock(_ROOT / str(number)))
        ]
        for directory, lock in free:
            _demolish(House(directory, directory))
            if directory != free[0][0]:
                os.close(lock)
    if not free:
        raise BedError(f"{_MOST} test beds run already; see {_ROOT}")
    return free[0]


def _lock(directory: Path) -> int | None:
    """The lock on a house whose bed is dead, or on a new one."""
    directory.mkdir(exist_ok=True)
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _demolish(house: House) -> None:
    """Remove what a bed made, whether it was stopped or died. The directory stays, empty: it is the lock."""
    until(f"the processes of {house.directory} end", lambda: not _kill_all(house.directory), 30)
    for link in Path("/sys/class/net").glob(f"{house.bridge}*"):
        if link.name.partition("-")[0] == house.bridge:
            subprocess.run([tool("ip"), "link", "delete", link.name], capture_output=True)
    house.clear_cgroup()
    for mount in reversed(_mounts(house.directory)):
        run("umount", "--lazy", mount)
    for path in house.directory.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _kill_all(below: Path) -> list[int]:
    """Kill whoever has a path of the bed on the command line; who they were, as far as they still live."""
    found = []
    for pid, line in command_lines():
        if f"{below}/".encode() in line and pid != os.getpid():
            found.append(pid)
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    return found


def _remove_cgroup(top: Path) -> bool:
    """One try to remove a cgroup with all below it; what still runs there is killed."""
    for path in sorted([top, *(each for each in top.rglob("*") if each.is_dir())], reverse=True):
        with suppress(OSError):
            for process in (path / "cgroup.procs").read_text().split():
                os.kill(int(process), signal.SIGKILL)
        with suppress(OSError):
            path.rmdir()
    return not top.exists()


def _mounts(below: Path) -> list[str]:
    fields = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [field[1] for field in fields if field[1].startswith(f"{below}/")]
