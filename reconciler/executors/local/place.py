"""The directory of one attempt: what lies where, and what it says about the attempt.

<root>/<run id>/run.json             the anchor
<root>/<run id>/<step>.<attempt>/
    call.json                        what was asked for
    work/ home/ tmp/ root/           what the command sees; root/ holds absolute paths
    script                           what is run, if it is a script
    claim                            who keeps it, which process it is, how it ended: a line each
    log                              what it said, if anything
    cancel                           when it was told to stop
    result.json                      what was harvested; written last
"""

# Hundreds of attempts a second pass through here, and strings cost a third of what paths do:
# ruff: noqa: PTH101, PTH102, PTH103, PTH106, PTH116, PTH120

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.errors import LaunchRejected
from reconciler.executors.local import keeper
from reconciler.executors.local.process import Claim, End, boot_id
from reconciler.model.run import AttemptKey

WORKED_IN = (*keeper.WORKED_IN, "root")
MANY = 20
AT_ONCE = 8
"""How many directories are removed side by side, if they are MANY."""


class Place:
    """One attempt on disk. Reading never fails for want of a file: what is not there is None."""

    def __init__(self, root: Path, key: AttemptKey) -> None:
        self.key = key
        self.name = f"{root}/{safe(key.run_id)}/{safe(key.step)}.{key.attempt}"

    def make(self) -> bool:
        """Make the directory itself; whether it is new. The keeper makes what the command works in."""
        return _make(self.name)

    def prepare(self) -> None:
        """Make what the command works in already now, because something is to be put there."""
        self.make()
        for directory in keeper.WORKED_IN:
            _make(f"{self.name}/{directory}")

    def clear(self) -> None:
        """Remove what an interrupted preparation left; the caller holds the lock, and nothing was started."""
        for directory in (self.work, self.tmp, self.root):
            shutil.rmtree(directory, ignore_errors=True)
        self.prepare()

    def is_used(self) -> bool:
        """Whether the command left anything where it worked."""
        return any(_has_entries(f"{self.name}/{name}") for name in WORKED_IN)

    def sweep(self) -> None:
        """Remove what the command worked in, once nothing of it will be needed."""
        for name in WORKED_IN:
            remove(f"{self.name}/{name}")

    def lock(self) -> int | None:
        """Take the attempt; None if another process, or its launcher, holds it. Closing the fd lets go."""
        try:
            fd = os.open(self.name, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    @cached_property
    def path(self) -> Path:
        return Path(self.name)

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def home(self) -> Path:
        return self.path / "home"

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    @property
    def root(self) -> Path:
        return self.path / "root"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def script(self) -> Path:
        return self.path / "script"

    def claim(self) -> Claim | None:
        """Who keeps it; None until that is written whole: the command starts only after that."""
        return Claim.parse(self._text("claim"))

    def end(self) -> End | None:
        """How it ended; None until that is written whole."""
        claim = self.claim()
        return None if claim is None else claim.end

    def is_over(self) -> bool:
        """Whether it was started, or refused for good."""
        return self.claim() is not None or self.result() is not None

    def cancelled_at(self) -> float | None:
        """Seconds since the epoch when it was told to stop."""
        text = self._text("cancel")
        return float(text) if text.endswith("\n") else None

    def mark_cancelled(self, now: float) -> None:
        """The first mark stays."""
        if self.cancelled_at() is None:
            write_whole(self.path / "cancel", f"{now}\n")

    def result(self) -> Any:
        """The last word on the attempt; None until then, and when it cannot be read."""
        try:
            return json.loads(self._text("result.json"))
        except ValueError:
            return None

    def conclude(self, result: Any) -> None:
        """Write the last word, whole or not at all."""
        write_whole(self.path / "result.json", json.dumps(result, ensure_ascii=False))

    def call(self) -> Any:
        """What was asked for, and how; whole once the claim is. None if it cannot be read."""
        try:
            return json.loads(self._text("call.json"))
        except ValueError:
            return None

    def is_of_another_boot(self) -> bool:
        """Whether it was laid out before the machine was last started."""
        recorded = self.call()
        return recorded is not None and recorded["boot"] != boot_id()

    def has_log(self) -> bool:
        """Whether the command said anything."""
        try:
            return os.stat(f"{self.name}/log").st_size > 0
        except OSError:
            return False

    def changed_at(self, name: str) -> float | None:
        """When the file was last written, in seconds since the epoch."""
        try:
            return os.stat(f"{self.name}/{name}").st_mtime
        except OSError:
            return None

    def write(self, name: str, text: str) -> None:
        """For what is read only once the claim is there, which is written after it."""
        with open(f"{self.name}/{name}", "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def _text(self, name: str) -> str:
        try:
            with open(f"{self.name}/{name}", "rb", buffering=0) as file:
                return file.read().decode("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return ""


def places(root: Path, run_id: str) -> Iterator[Place]:
    """The attempts of a run that have a directory."""
    for directory in sorted((root / safe(run_id)).glob("*.*/")):
        step, _, number = directory.name.rpartition(".")
        if number.isdigit():
            yield Place(root, AttemptKey(run_id, step, int(number)))


def remove(directory: str) -> None:
    """Remove a directory with all that is in it, also what a step has locked its owner out of."""
    try:
        os.rmdir(directory)  # most are empty
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        _remove_tree(directory)


def remove_attempt(directory: str) -> None:
    """As `remove`, for what mostly holds a few files and empty directories."""
    try:
        for name in os.listdir(directory):  # noqa: PTH208
            try:
                os.unlink(f"{directory}/{name}")  # noqa: PTH108
            except IsADirectoryError:
                remove(f"{directory}/{name}")
    except OSError:
        _remove_tree(directory)
    else:
        remove(directory)


def remove_all(directories: Sequence[str]) -> None:
    """As `remove_attempt`; many of them side by side, because it is mostly a wait for the disk."""
    if len(directories) < MANY:
        for directory in directories:
            remove_attempt(directory)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(remove_attempt, directories))


def _remove_tree(directory: str) -> None:
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError:
        for path, _, _ in os.walk(directory):
            os.chmod(path, 0o700)
        shutil.rmtree(directory, ignore_errors=True)


def _has_entries(directory: str) -> bool:
    try:
        return bool(os.listdir(directory))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # the step has locked us out
        return True


def _make(directory: str) -> bool:
    """Whether the directory is new."""
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return False
    except FileNotFoundError:
        os.makedirs(os.path.dirname(directory), 0o700, exist_ok=True)
        return _make(directory)
    return True


def write_whole(path: Path, text: str) -> None:
    """Write beside, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def safe(component: str) -> str:
    """`component`, if it is one: names become paths here."""
    if not component or component in (".", "..") or "/" in component or "\0" in component:
        raise LaunchRejected(f"'{component}' cannot name a directory")
    return component
