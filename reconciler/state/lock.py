"""One pass at a time: a lock that ends with its process, and that says who holds it.

`flock` is released by the kernel when the holder dies, so nothing stale ever blocks. A pass that finds
nothing to do pays for this import too: it takes nothing but the operating system.
"""

from __future__ import annotations

import fcntl
import os
import time

from reconciler.errors import LockHeld, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` alone costs as much as a fetch
    from types import TracebackType
    from typing import Self


DYING = 2.0
"""Seconds for which a lock is waited for whose holder is dead."""


class PassLock:
    """An exclusive lock on `path`; its first line names the holder, its time of change says since when.

    The file is never removed: whoever waits on a removed file holds a lock that nobody else sees.
    """

    def __init__(self, path: str | os.PathLike[str], *, command: str = "reconciler pass") -> None:
        self.path = os.fspath(path)
        self._command = command
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise LockHeld at once, naming the holder; taking what is held is no error."""
        if self._descriptor is not None:
            return
        descriptor = _open(self.path)
        try:
            _take(descriptor)
        except BlockingIOError as exc:
            message = f"another pass is at work: {_holder(descriptor)} holds {self.path}"
            os.close(descriptor)
            hint = "wait for it to end, or end that process: its lock ends with it"
            raise LockHeld(message, hint=hint) from exc
        self._descriptor = descriptor
        # Descriptors close on exec; a child that only forks would keep the lock beyond our death.
        os.register_at_fork(after_in_child=self._forget)
        self._sign(descriptor)

    def release(self) -> None:
        """Let go; releasing what is not held is no error."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._forget()

    def _sign(self, descriptor: int) -> None:
        """Write who we are; a full disk must not keep a pass from repairing what it can."""
        text = f"pid {os.getpid()} on {os.uname().nodename} ({self._command})\n"
        try:
            # What a longer name left may stay behind the line: cutting it off can take as long as a fetch.
            os.pwrite(descriptor, text.encode("utf-8", "replace"), 0)
        except OSError:
            return

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _open(path: str) -> int:
    try:
        # pathlib costs more to import than a pass with nothing to do can spare here.
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as exc:
        raise StateError(
            f"cannot open the lock file {path}: {exc.strerror}",
            hint="the state directory must be writable; choose another one with --state-dir",
        ) from exc


def _take(descriptor: int) -> None:
    """Take the lock, or raise BlockingIOError at once.

    A process that a pass had just begun when it was killed has the lock until it executes its program. That
    is a moment, and nobody else's turn: it is waited for.
    """
    end = time.monotonic() + DYING
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end or not _is_dead(_signature(descriptor)):
                raise
        time.sleep(0.01)


def _is_dead(signature: str) -> bool:
    """Whether who signed was a process of this machine and is none any more."""
    words = signature.split(" ", 4)
    if len(words) < 4 or words[3] != os.uname().nodename or not words[1].isdecimal():
        return False
    try:
        os.kill(int(words[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _signature(descriptor: int) -> str:
    return os.pread(descriptor, 400, 0).decode("utf-8", "replace").partition("\n")[0]


def _holder(descriptor: int) -> str:
    """Who signed the file; its text is as foreign as any other file's."""
    text = _signature(descriptor)
    who = "".join(c if c.isprintable() else "?" for c in text) or "a process that has not said its name yet"
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.fstat(descriptor).st_mtime))
    return f"{who}, since {since},"
