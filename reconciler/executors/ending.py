"""What the end of a command means. Pure: exit code and circumstances in, observation out."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.model.run import AttemptKey, Observation, Status
from reconciler.model.workflow import FailureClass


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt's process was found. `exit_code` is None when it left none; `blame` is what the
    sandbox or the container engine said when it could not run the command."""

    key: AttemptKey
    started: float | None
    finished: float | None
    exit_code: int | None
    cancelled: float | None = None
    blame: str = ""
    note: str = ""
    program: str = ""


def judge(ending: Ending) -> Observation:
    """The observation, before outputs are looked at."""
    times = (ending.started, ending.finished, ending.cancelled)
    seen = Observation(
        key=ending.key,
        status=Status.ENDED,
        started_at=moment(ending.started),
        finished_at=moment(max((time for time in times if time is not None), default=None)),
        exit_code=None if ending.blame else ending.exit_code,
        message=ending.note,
    )
    code = ending.exit_code
    if ending.cancelled is not None:
        return failed(seen, FailureClass.CANCELLED, "Cancelled", "stopped on request")
    if ending.blame:
        return failed(seen, FailureClass.INFRASTRUCTURE, "SandboxFailed", ending.blame)
    if code is None:
        why = "its process vanished without an exit code: killed from outside, or the machine restarted"
        return failed(seen, FailureClass.INFRASTRUCTURE, "Lost", why)
    if code == 0:
        return seen
    if code in (126, 127):
        what = "found" if code == 127 else "executed"
        why = f"exit code {code}: '{ending.program}', or a command that it runs, cannot be {what}"
        return failed(seen, FailureClass.FAILURE, "CommandNotFound", why)
    if (name := _signal_name(code)) is not None:
        return failed(seen, FailureClass.FAILURE, "Signal", f"ended by {name} (exit code {code})")
    return failed(seen, FailureClass.FAILURE, "ExitCode", f"exit code {code}")


def lost(key: AttemptKey, when: float | None) -> Observation:
    """Of an attempt whose traces do not tell more than that it was begun."""
    return judge(Ending(key, started=when, finished=when, exit_code=None))


def failed(seen: Observation, failure: FailureClass, reason: str, message: str) -> Observation:
    """`seen` with a failure; a note that was there is kept behind it."""
    message = f"{message}; {seen.message}" if seen.message else message
    return replace(seen, failure=failure, reason=reason, message=message)


def moment(seconds: float | None) -> datetime | None:
    """Cut to milliseconds, as it is recorded: an observation made twice is the same."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)


def _signal_name(code: int) -> str | None:
    try:
        return signal.Signals(code - 128).name
    except ValueError:
        return None
