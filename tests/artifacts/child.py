"""What tests do to a store from a process of its own: `python -m tests.artifacts.child COMMAND PLACE ...`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from io import RawIOBase
from pathlib import Path

from reconciler.artifacts import ArtifactStore, S3Access, open_store
from tests.artifacts.streams import MIB, Pieces, content

_CHECKOUT = Path(__file__).parents[2]


def run(command: str, url: str, access: S3Access | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call this module in a new process."""
    place = json.dumps(
        [url, {name: getattr(access, name) for name in S3Access.__slots__} if access else None]
    )
    return subprocess.run(
        [sys.executable, "-m", "tests.artifacts.child", command, place, *arguments],
        cwd=_CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(_CHECKOUT)},
        capture_output=True,
        text=True,
    )


def put_and_die(store: ArtifactStore, key: str) -> None:
    """Killed when 20 of 40 MiB are read."""
    data = content(40 * MIB, seed=1)
    store.put(key, Pieces(data, {20 * MIB: lambda: os.kill(os.getpid(), signal.SIGKILL)}))


class Zeros(RawIOBase):
    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        piece = bytes(min(self.left, 256 * 1024))
        self.left -= len(piece)
        return piece


def there_and_back(store: ArtifactStore, key: str, size: str, path: str) -> None:
    """Put a stream and get it as a file; print the most memory that this process ever had, in MiB."""
    stored = store.put(key, Zeros(int(size)))
    print(f"put {peak()}")
    store.get_file(key, Path(path), size=stored.size, sha256=stored.sha256)
    Path(path).unlink()
    print(f"get {peak()}")


def peak() -> int:
    """VmHWM, as the ru_maxrss of a child begins with that of the process that forked it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


if __name__ == "__main__":
    url, access = json.loads(sys.argv[2])
    store = open_store(url, S3Access(**access) if access else None)
    {"put-and-die": put_and_die, "there-and-back": there_and_back}[sys.argv[1]](store, *sys.argv[3:])
