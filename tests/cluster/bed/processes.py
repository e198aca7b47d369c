"""What runs on this machine, in whichever bed; a process that ends while it is looked at is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def command_lines() -> Iterator[tuple[int, bytes]]:
    """The process ids, with the arguments as `/proc` has them: each ends with a NUL."""
    for entry in _PROC.glob("[0-9]*"):
        if line := command_line(int(entry.name)):
            yield int(entry.name), line


def command_line(pid: int) -> bytes:
    """The arguments of a process; empty if it is no more."""
    return _read(pid, "cmdline")


def cgroups(pid: int) -> bytes:
    """The paths of a process's cgroups, a line for each hierarchy; empty if it is no more."""
    return _read(pid, "cgroup")


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
