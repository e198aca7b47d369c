"""Starts `launch.sh` in a session of its own: the only thing that stands between a pass and a step."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from reconciler.executors.local.place import Place

_TEXT = (Path(__file__).parent / "launch.sh").read_text(encoding="utf-8")
# Given by text, not by path: a shell reads its file as it goes, and the package may be upgraded meanwhile.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def spawn(place: Place, lock: int, open_files: int | None) -> int:
    """Start the launcher; it inherits `lock`. `open_files` is the soft limit to give back to the step."""
    reader, writer = os.pipe()
    # dup2 takes the close-on-exec flag off; everything else this process has open stays closed.
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        *_moves({3: reader, 4: writer, 9: lock}),
    ]
    limit = "" if open_files is None else str(open_files)
    try:
        return os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _TEXT, "reconciler-step", place.name, limit],
            _ENVIRONMENT,
            file_actions=actions,
            setsid=True,
        )
    finally:
        os.close(reader)
        os.close(writer)


def _moves(wanted: dict[int, int]) -> list[tuple[int, int, int]]:
    """First out of the way, then into place: a source may stand where another is to go."""
    high = 1 + max(*wanted, *wanted.values())
    away = [(os.POSIX_SPAWN_DUP2, fd, high + n) for n, fd in enumerate(wanted.values())]
    home = [(os.POSIX_SPAWN_DUP2, high + n, target) for n, target in enumerate(wanted)]
    closed = [(os.POSIX_SPAWN_CLOSE, high + n) for n in range(len(wanted))]
    return [*away, *home, *closed]  # type: ignore[list-item]


def allow_open_files(wanted: int) -> int | None:
    """Raise the soft limit of open files to `wanted` if it is lower; the former limit if it was raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= ceiling:
        return None
    resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
    return soft
