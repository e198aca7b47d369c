"""One attempt under way, as the process that follows it remembers it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from enum import Enum

from reconciler.executors.local.place import Place
from reconciler.executors.local.process import Claim
from reconciler.executors.local.way import Way
from reconciler.model.run import StepCall


class Progress(Enum):
    """How far an attempt is."""

    PREPARING = 1
    RUNNING = 2
    DRAINING = 3
    HARVESTING = 4


@dataclass(slots=True, eq=False)
class Live:
    """An attempt under way. Times are of the monotonic clock, but for `started`. `is_whole` says that nothing
    will be added to its traces, `refused` is the errno of a start that did not come about; both are heard
    from a keeper of our own."""

    place: Place
    call: StepCall
    way: Way
    note: str
    progress: Progress = Progress.PREPARING
    lock: int | None = None
    is_whole: bool = False
    refused: int | None = None
    claim: Claim | None = None
    started: float | None = None
    began: float = field(default_factory=time.monotonic)
    cancelled: float | None = None
    told: bool = False
    act_at: float = 0.0

    def unlock(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def asked_for(self) -> float:
        """Seconds since it was asked to stop; by the clock on the wall too, if an earlier pass asked."""
        assert self.cancelled is not None
        marked = self.place.cancelled_at()
        return max(time.monotonic() - self.cancelled, time.time() - marked if marked else 0.0)
