"""How many writes a second the cluster gets from us: a bucket of tokens that slows down when told to."""

from __future__ import annotations

import threading
import time

RECOVERY = 1.05
"""By how much a slowed rate grows with every second without a complaint."""


class Bucket:
    """`rate` tokens a second, at most `burst` at once; from any thread."""

    def __init__(self, rate: float, burst: int) -> None:
        self._full_rate = self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = time.monotonic()
        self._lock = threading.Lock()

    def take(self, stopping: threading.Event) -> None:
        """Return once a token was had, or when everything stops."""
        while (pause := self._try()) > 0 and not stopping.wait(pause):
            pass

    def slow_down(self) -> None:
        """The cluster complains: half as fast from here on, and no burst."""
        with self._lock:
            self._fill()
            self._rate = max(1.0, self._rate / 2)
            self._tokens = min(self._tokens, 0.0)

    @property
    def rate(self) -> float:
        """What is allowed now, in tokens a second."""
        with self._lock:
            self._fill()
            return self._rate

    def _try(self) -> float:
        """Take a token; else the seconds until there may be one."""
        with self._lock:
            self._fill()
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate

    def _fill(self) -> None:
        now = time.monotonic()
        passed, self._filled = now - self._filled, now
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        self._rate = min(self._full_rate, self._rate * RECOVERY ** min(passed, 600.0))
