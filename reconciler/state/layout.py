"""The layout of passes that share a directory: those of another number of shards wait for each other.

Every pass keeps a shared lock on one file while it works, and the file says into how many shards the work
is parted. To change that, a pass needs the lock for itself, which it gets only while no other works. The
kernel lets go of the locks of the dead. (In a cluster, Leases do the same.)
"""

from __future__ import annotations

import fcntl
import os
import time
from types import TracebackType
from typing import Self

from reconciler.core.shard import Layout
from reconciler.errors import LockHeld, StateError

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between tries: shards that begin at once are in each other's way for a moment."""


class SharedLayout:
    """The layout that the file at `path` tells; joined by each pass for as long as it works."""

    def __init__(self, path: str, count: int) -> None:
        self.path = path
        self._count = count
        self._descriptor: int | None = None

    def join(self) -> Layout:
        """The layout, of `count` shards; LockHeld while passes of another one are at work."""
        for pause in _PAUSES:
            layout = self._try()
            if layout is not None and layout.count == self._count:
                return layout
            self.leave()
            time.sleep(pause)
        raise LockHeld(
            f"passes of another layout are at work: theirs is of {layout.count if layout else '?'} shards, "
            f"this one of {self._count}",
            hint="Wait for them to end, and give all passes the same pass.shards.",
        )

    def leave(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self) -> Layout | None:
        """What the file says, under a shared lock, after making it ours where that is possible.

        To get from one kind of lock to the other, the kernel may let others in between; hence the end.
        """
        descriptor = self._open()
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        layout = self._read()
        if layout is None or layout.count != self._count:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return layout
            self._change(self._read())
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        return self._read()

    def _change(self, layout: Layout | None) -> None:
        """Write our number of shards, unless a pass of ours just did."""
        assert self._descriptor is not None
        if layout is None or layout.count != self._count:
            layout = layout.changed_to(self._count) if layout else Layout(self._count)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{layout}\n".encode(), 0)

    def _open(self) -> int:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)  # noqa: PTH103, PTH120
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise StateError(f"cannot open {self.path}: {exc.strerror}") from exc
        os.register_at_fork(after_in_child=self.leave)
        return self._descriptor

    def _read(self) -> Layout | None:
        assert self._descriptor is not None
        return Layout.parse(os.pread(self._descriptor, 100, 0).decode("ascii", "replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


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
