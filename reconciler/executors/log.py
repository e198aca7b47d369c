"""The end of a log, for people who want to see at once why a step failed."""

from __future__ import annotations

import os
from pathlib import Path


def tail(path: Path, size: int, lines: int) -> str:
    """The end of a text file: whole lines as far as possible, at most `size` bytes and `lines` lines."""
    try:
        with open(path, "rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            data = file.read(size)
    except FileNotFoundError:
        return ""
    if length > size:
        _, newline, rest = data.partition(b"\n")
        data = rest if newline and rest else data
    return "".join(data.decode("utf-8", "replace").splitlines(keepends=True)[-lines:])
