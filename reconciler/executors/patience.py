"""How long a store that does not answer is tried."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from reconciler.errors import StoreUnavailable

T = TypeVar("T")

FIRST, LONGEST = 0.25, 10.0
"""Seconds between two tries."""


def patiently(act: Callable[[], T], seconds: float, stopping: threading.Event) -> T:
    """Try again while the store does not answer, for so long at most; StoreUnavailable is the end."""
    deadline = time.monotonic() + seconds
    pause = FIRST
    while True:
        try:
            return act()
        except StoreUnavailable:
            if time.monotonic() + pause > deadline or stopping.wait(pause):
                raise
        pause = min(pause * 2, LONGEST)
