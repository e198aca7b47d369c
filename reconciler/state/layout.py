"""The layout of passes that share a directory: those of another number of shards wait for each other.

Every pass keeps a shared lock on one file while it works, and the file says into how many shards the work
is parted. To change that, a pass needs the lock for itself, which it gets only while no other works. A second
lock lets them in one after the other, so that shards that begin at once are not in each other's way. The
kernel lets go of the locks of the dead. (In a cluster, Leases do the same.)
"""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Self

from reconciler.core.shard import Layout
from reconciler.errors import LockHeld, StateError


class SharedLayout:
    """The layout that the file at `path` tells; joined by each pass for as long as it works."""

    def __init__(self, path: str, count: int) -> None:
        self.path = path
        self._count = count
        self._descriptor: int | None = None

    def join(self) -> Layout:
        """The layout, of `count` shards; LockHeld while passes of another one are at work."""
        gate = _open(f"{self.path}.gate")
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            return self._join()
        finally:
            os.close(gate)

    def leave(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _join(self) -> Layout:
        self._descriptor = descriptor = _open(self.path)
        os.register_at_fork(after_in_child=self.leave)
        layout = _read(descriptor)
        if layout is None or layout.count != self._count:
            layout = self._change(descriptor, layout)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return layout

    def _change(self, descriptor: int, layout: Layout | None) -> Layout:
        """Write our number of shards, unless passes of another are at work."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            self.leave()
            theirs = layout.count if layout else "?"
            raise LockHeld(
                f"passes of another layout are at work: theirs is of {theirs} shards, "
                f"this one of {self._count}",
                hint="Wait for them to end, and give all passes the same pass.shards.",
            ) from exc
        changed = layout.changed_to(self._count) if layout else Layout(self._count)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{changed}\n".encode(), 0)
        return changed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


def _open(path: str) -> int:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as exc:
        raise StateError(f"cannot open {path}: {exc.strerror}") from exc


def _read(descriptor: int) -> Layout | None:
    return Layout.parse(os.pread(descriptor, 100, 0).decode("ascii", "replace"))


def note(path: str, layout: Layout) -> None:
    """Write down a layout that was agreed on elsewhere, for passes that only look at the file."""
    text, aside = f"{layout}\n", f"{path}.{os.getpid()}"
    try:
        if os.path.exists(path):  # noqa: PTH110
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    return
        with open(aside, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(aside, path)  # noqa: PTH105
    except OSError as exc:
        raise StateError(f"cannot write {path}: {exc.strerror}") from exc
