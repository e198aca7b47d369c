"""The pass's side of the keeper: has steps started by it, and hears from it how they are."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import suppress
from pathlib import Path

from reconciler.executors.local import keeper
from reconciler.executors.local.live import Live
from reconciler.executors.local.watch import Watch
from reconciler.executors.local.way import Start
from reconciler.model.run import AttemptKey

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_PROGRAM = str(Path(keeper.__file__))


class Launcher:
    """One keeper at a time, begun when steps are expected. `open_files` is the soft limit for steps."""

    def __init__(self, watch: Watch[AttemptKey], open_files: int) -> None:
        self._watch = watch
        self._open_files = open_files
        self._wire: socket.socket | None = None
        self._born: int | None = None
        self._asked: dict[int, Live] = {}
        self._last = 0
        self._heard = b""

    def spawn(self, live: Live, start: Start) -> None:
        """Hand the attempt over, with its lock. Raises OSError when that cannot be done now."""
        assert live.lock is not None
        wire = self.ready()
        self._last += 1
        fds = [live.lock]
        try:
            if start.sandbox is not None:
                fds.append(_readable("\0".join([*start.sandbox, ""])))
            _send(wire, _request(self._last, len(fds), start), fds)
        finally:
            for fd in fds[1:]:
                os.close(fd)
        self._asked[self._last] = live

    def ready(self) -> socket.socket:
        """The wire to the keeper, begun if need be; it takes a while to come up, so one may ask early."""
        if self._wire is None:
            self._wire = self._begin()
            self._watch.listen(self._wire.fileno(), self._hear)
        return self._wire

    def close(self) -> None:
        """Leave the keeper alone with what it keeps."""
        if self._wire is not None:
            self._hang_up(self._wire)

    def _begin(self) -> socket.socket:
        ours, its = socket.socketpair()
        with its:
            actions = [
                (os.POSIX_SPAWN_DUP2, its.fileno(), 3),
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ]
            words = [sys.executable, "-I", "-S", _PROGRAM, str(self._open_files)]
            try:
                self._born = os.posix_spawn(
                    sys.executable, words, _ENVIRONMENT, file_actions=actions, setsid=True
                )
            except BaseException:
                ours.close()
                raise
        return ours

    def _hear(self) -> list[AttemptKey]:
        """The attempts that something has happened to."""
        assert self._wire is not None
        self._see_off()
        try:
            data = self._wire.recv(keeper.CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except ConnectionError:
            data = b""
        if not data:
            return self._keeper_died(self._wire)
        self._heard += data
        whole = len(self._heard) // keeper.NEWS.size * keeper.NEWS.size
        news, self._heard = self._heard[:whole], self._heard[whole:]
        return [self._told(*each) for each in keeper.NEWS.iter_unpack(news)]

    def _told(self, number: int, what: int, error: int) -> AttemptKey:
        live = self._asked[number]
        if what != keeper.ENDED:
            del self._asked[number]
            live.is_whole = True
            live.refused = error if what == keeper.REFUSED else None
        return live.place.key

    def _keeper_died(self, wire: socket.socket) -> list[AttemptKey]:
        """Nobody keeps the attempts any more; whatever it wrote is all there is."""
        self._hang_up(wire)
        left, self._asked, self._heard = self._asked, {}, b""
        for live in left.values():
            live.is_whole = True
        return [live.place.key for live in left.values()]

    def _hang_up(self, wire: socket.socket) -> None:
        self._watch.ignore(wire.fileno())
        wire.close()
        self._wire = None
        self._see_off()

    def _see_off(self) -> None:
        """The process that put the keeper into the world has left at once; leave no zombie of it."""
        if self._born is not None:
            with suppress(ChildProcessError):  # where SIGCHLD is ignored, it is gone already
                os.waitpid(self._born, 0)
            self._born = None


def _request(number: int, fds: int, start: Start) -> bytes:
    environment = [f"{name}={value}" for name, value in start.environment.items()]
    head = [str(number), str(fds), start.directory, str(len(start.words))]
    fields = "\0".join([*head, *start.words, *environment]).encode("utf-8", "surrogateescape")
    return keeper.LENGTH.pack(len(fields)) + fields


def _send(wire: socket.socket, data: bytes, fds: list[int]) -> None:
    sent = socket.send_fds(wire, [data], fds)
    if sent < len(data):
        wire.sendall(data[sent:])


def _readable(text: str) -> int:
    """A descriptor to read the text from; there is no file that somebody else could open."""
    fd = os.memfd_create("sandbox", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def allow_open_files(wanted: int) -> int:
    """Raise the soft limit of open files to `wanted` if it is lower; what it was before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
    return soft
