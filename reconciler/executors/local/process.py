"""Processes as the kernel knows them: who is still there, who belongs to an attempt, and how to end them.

A pid alone names nobody for long; a claim therefore holds the start time and the boot as well. What an
attempt started is found by its session and by a cookie in the environment, which `setsid` and double
forks do not shed.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

COOKIE = "RECONCILER_ATTEMPT_COOKIE"

FEW = 64
"""Numbers that are asked for one by one rather than by listing every process."""

DOUBTS = 10
"""How often to look again at processes that show no environment at all: some never have one."""


@dataclass(frozen=True, slots=True)
class End:
    """How the command of an attempt ended, and when, in seconds since the epoch. It was not run at all if its
    sandbox could not be set up."""

    code: int
    at: float
    was_run: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Which process keeps an attempt, and since when; which one leads its session; how it ended."""

    keeper: int
    started: int
    boot: str
    began: float
    leader: tuple[int, int] | None = None
    """Its number and its start time; None if it is not known."""
    end: End | None = None

    @classmethod
    def parse(cls, text: str) -> Claim | None:
        """None if not even the first line is whole."""
        found: Claim | None = None
        with suppress(ValueError):  # what a power cut may leave
            for line in text.split("\n")[:-1]:
                match line.split(" "), found:
                    case ["claim", keeper, started, boot, began], None:
                        found = cls(int(keeper), int(started), boot, float(began))
                    case ["pid", pid, started], Claim():
                        found = replace(found, leader=(int(pid), int(started)))
                    case ["exit", code, at, run], Claim():
                        found = replace(found, end=End(int(code), float(at), run == "run"))
        return found

    def is_alive(self) -> bool:
        """Whether the attempt still goes on, as far as its keeper knows."""
        return self.end is None and self.is_kept()

    def is_kept(self) -> bool:
        """Whether that very keeper still runs."""
        return self.boot == boot_id() and is_running(self.keeper, self.started)

    def is_led(self) -> bool:
        """Whether the command itself runs."""
        return self.leader is not None and self.boot == boot_id() and is_running(*self.leader)


def is_running(pid: int, started: int) -> bool:
    """Whether that very process runs; one that only waits to be reaped does not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in ("Z", "X") and int(fields[19]) == started


@lru_cache(maxsize=1)
def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def open_pidfd(pid: int) -> int | None:
    """A handle on the process that no other can take over; None if it is gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def members(cookies: Collection[str], first: int = 0) -> list[int]:
    """Every process, from number `first` on, that carries one of the cookies in its environment."""
    return _scan(cookies, first)[0]


def _scan(cookies: Collection[str], first: int) -> tuple[list[int], bool]:
    """Those that carry a cookie, and whether there were some that cannot be told: amid an exec the
    environment is empty for a moment."""
    marks = tuple(f"{COOKIE}={cookie}".encode() for cookie in cookies)
    found: list[int] = []
    unclear = False
    for pid in _numbers(first):
        try:
            with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
                environment = file.read()
        except OSError:
            continue
        if any(mark in environment for mark in marks):
            found.append(pid)
        elif not environment and not unclear:
            unclear = _is_program(pid)
    return (sorted({*found} & {*_pids()}) if found else found), unclear


def _numbers(first: int) -> Iterable[int]:
    """The numbers of all processes from `first` on, and, where those can be few, of what is none: to list
    the processes of a machine takes longer than to ask for some that are not there."""
    if first and first <= (last := last_pid()) < first + FEW:
        return range(first, last + 1)
    return [pid for pid in _pids() if pid >= first]


def _is_program(pid: int) -> bool:
    """Neither a kernel thread nor a zombie."""
    try:
        Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return False
    return True


def companions(claim: Claim) -> list[int]:
    """The processes of the command's session.

    While any of them lives, the kernel gives the leader's number to nobody else; if it stands for another
    process by now, there are none.
    """
    if claim.leader is None or claim.boot != boot_id():
        return []
    pid, started = claim.leader
    fields = _stat(pid)
    if fields and int(fields[19]) != started:
        return []
    return [each for each in _pids() if _session_of(each) == pid]


def tell(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each of them; who is gone is no error."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def last_pid() -> int:
    """The number that was given to a process last."""
    return int(Path("/proc/loadavg").read_text().split()[-1])


def end(cookies: Collection[str], *, first: int = 0) -> None:
    """Kill everything that carries one of the cookies, again and again until nothing does."""
    doubts = 0
    for _ in range(100):
        found, unclear = _scan(cookies, first)
        if found:
            handles = [handle for pid in found if (handle := open_pidfd(pid)) is not None]
            tell(found, signal.SIGKILL)
            _await_ends(handles, 0.1)
        elif unclear and doubts < DOUBTS:
            doubts += 1
            time.sleep(0.001)
        else:
            return


def _await_ends(handles: list[int], patience: float) -> None:
    for handle in handles:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(patience * 1000)
        os.close(handle)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 (names alone: faster)


def _session_of(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[3]) if fields else None


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; the name before it may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            line = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return line[line.rindex(")") + 2 :].split()
