"""What may be shown where: colour and movement only on a terminal, and only if nobody asked for none."""

from __future__ import annotations

import os
from typing import TextIO


def is_terminal(stream: TextIO) -> bool:
    """Whether `stream` is a terminal on which the cursor can move."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def has_colour(stream: TextIO) -> bool:
    """Whether colour may be used there; see https://no-color.org."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")
