"""Tells in a few milliseconds that a pass has nothing to do; whatever is not certain is left to a real pass.

Most passes find nothing: a cron job runs every minute, people push a few times a day. A pass that leaves
nothing behind it (no open run, nothing to publish, no error) therefore notes in one line what that rests
on: the settings, this release, the revision, the database as it was closed, and until when nothing is due.
While all of that still holds and the branch has not moved, the next pass would do nothing.

Only `os` and what needs no more than `os` is imported here: loading the rest costs ten times the fetch.
The note is a cache; deleting it costs one ordinary pass.
"""

from __future__ import annotations

import os
import time

from reconciler import __version__, branches
from reconciler.errors import ReconcilerError
from reconciler.git.clone import Clone
from reconciler.git.process import CommandFailed
from reconciler.settings import Settings, table
from reconciler.state.lock import PassLock

NEVER = "never"

# What the look for a quiet pass leaves to the pass that follows in this process, where it is not quiet.
_lock: list[PassLock] = []
_fetched: list[bool] = []
_ledger: list[tuple[str, Clone]] = []


def is_quiet(settings: Settings) -> str | None:
    """The revision at which there is nothing to do; None when that is not certain."""
    if settings.pass_.forever:
        return None
    note = _read(_place(settings))
    if len(note) != 4 or note[0] != _ground(settings):
        return None
    _, revision, until, database = note
    if database != _trace(settings) or (until != NEVER and time.time() >= float(until)):
        return None
    lock = pass_lock(settings)
    try:
        lock.acquire()
        tip = _tip(settings)
    except ReconcilerError:
        lock.release()
        return None  # the real pass meets it again, and tells
    if tip == revision:
        lock.release()
        return revision
    _lock[:] = [lock]
    if tip is not None:
        _fetched[:] = [True]
        _look_at_ledger(settings)
    return None


def pass_lock(settings: Settings, command: str = "reconciler pass") -> PassLock:
    """The lock of a pass; held already where the look for a quiet pass has just found work."""
    return _lock.pop() if _lock else PassLock(f"{settings.own_directory}/lock", command=command)


def give_up() -> None:
    """Let go of what the look for a quiet pass left, as far as no pass made use of it."""
    while _lock:
        _lock.pop().release()
    while _ledger:
        _ledger.pop()[1].give_up()
    _fetched.clear()


def has_fetched() -> bool:
    """Whether the clone was brought up to date in this process a moment ago; says so once."""
    return bool(_fetched and _fetched.pop())


def remember(settings: Settings, revision: str, until: float | None) -> None:
    """Note that nothing is to be done at `revision` before `until` (seconds since 1970; None: ever).

    Called with the database closed and before the lock is given back.
    """
    when = NEVER if until is None else repr(until)
    text = "\n".join((_ground(settings), revision, when, _trace(settings)))
    place = _place(settings)
    try:
        with open(f"{place}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{place}.new", place)
    except OSError:
        return  # a full disk costs the next pass its short cut, nothing else


def ledger_clone(settings: Settings) -> Clone:
    """The clone of the ledger, which may be on its way to the newest tip already.

    Not where passes of another layout were at work since then: what they pushed must not be missed.
    """
    for layout, clone in _ledger:
        if layout == _layout(settings):
            return clone
        clone.give_up()
    return Clone(branches.ledger_directory(settings), branches.ledger_access(settings))


def _place(settings: Settings) -> str:
    return f"{settings.own_directory}/quiet"


def _ground(settings: Settings) -> str:
    """This release, every setting and the layout of shards, on one line."""
    layout = _layout(settings)
    values = [(row.name, str(row.of(settings))) for row in table().values()]
    return f"{__version__} {layout} {values!r}"


def _layout(settings: Settings) -> str:
    return " ".join(_read(f"{settings.state.directory}/layout"))


def _trace(settings: Settings) -> str:
    """What anybody's write to the database would change; an unfinished journal beside it never matches."""
    base = f"{settings.own_directory}/state.db"
    try:
        if os.path.exists(f"{base}-wal") and os.stat(f"{base}-wal").st_size:
            return "in use"
        file = os.stat(base)
    except OSError:
        return "missing"
    return f"{file.st_ino} {file.st_size} {file.st_mtime_ns}"


def _tip(settings: Settings) -> str | None:
    if settings.repository.verify_signers:
        return None  # a signature is checked by the real pass
    clone = Clone(
        branches.source_directory(settings), branches.source_access(settings), settings.limits.blob_bytes
    )
    return clone.fetch()


def _look_at_ledger(settings: Settings) -> None:
    """Have the ledger fetched while the rest of the program is loaded: both take about the same time.

    Not in a cluster: until this pass has the Lease, another one may push what must be known here.
    """
    if settings.executor.name == "kubernetes":
        return
    layout = _layout(settings)
    try:
        clone = ledger_clone(settings)
        clone.begin()
    except (ReconcilerError, CommandFailed):
        return  # the real pass meets it again, and tells
    _ledger[:] = [(layout, clone)]


def _read(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split("\n")
    except OSError:
        return []
