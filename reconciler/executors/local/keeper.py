"""Keeps the steps that a pass started, so that they outlive it; a program of its own, one for all of them.

It starts each, carries what it says to its log, and writes down how it ended. A socket (fd 3) brings what to
start and takes what has happened; once the pass has gone, it goes on alone until it has nothing left to keep.
It imports nothing of the package, and nothing late: an upgrade of the package meanwhile changes nothing. (So
it is one file, and a long one.)

A request is its length (4 bytes), then fields between NULs: number, how many descriptors came with it,
directory, how many words the command has, the words, the environment. Its first descriptor is the attempt's
directory, locked: whoever finds it taken knows that the attempt is being kept.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

LENGTH = struct.Struct("<I")
NEWS = struct.Struct("<IHH")
"""The number of a request, what has happened to it, and an errno."""
ENDED, WHOLE, REFUSED = 1, 2, 3
"""The command has ended; so has its log; it was not even begun."""

DRAIN_PATIENCE = 5.0
"""Seconds that a log may go on after its command has ended: what still writes then was left behind."""
WORKED_IN = ("work", "home", "tmp")
"""Directories that every command has for itself."""
STATUS, ARGUMENTS = 7, 8
"""Where bubblewrap reports and finds its arguments."""
CHUNK = 64 * 1024
AT_ONCE = 16
"""Chunks of one log before the next one has its turn."""
LOW = 16
"""Descriptors below it are for commands: none of ours is opened there, so none is in the way."""
_TOLD = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_DEFAULT = (*_TOLD, signal.SIGPIPE, signal.SIGXFSZ)
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC


class Kept:
    """One attempt: what is open for it. -1 stands for what is not."""

    __slots__ = ("claim", "directory", "ended_at", "log", "number", "pipe", "status")

    def __init__(self, number: int, directory: int) -> None:
        self.number, self.directory = number, directory
        self.claim = self.log = self.pipe = self.status = -1
        self.ended_at = 0.0

    def close(self) -> None:
        _close(self.pipe, self.log, self.claim, self.status, self.directory)
        self.pipe = self.log = self.claim = self.status = self.directory = -1


class Keeper:
    """The loop. `open_files` is the soft limit of open files that commands are given."""

    def __init__(self, wire: socket.socket, bell: int, open_files: int) -> None:
        self._wire: socket.socket | None = wire
        self._bell = bell
        self._name = f"{os.getpid()} {_start_time(os.getpid())} {_boot()}"
        self._heard = bytearray()
        self._fds: list[int] = []
        self._news = bytearray()
        self._running: dict[int, Kept] = {}  # by process
        self._writing: dict[int, Kept] = {}  # by pipe
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self._own_limit, self._given_limit = (hard, hard), (open_files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._own_limit)
        self._most = sys.maxsize if hard == resource.RLIM_INFINITY else max(1, hard // 5 - LOW)
        self._poll = select.epoll()
        self._poll.register(wire.fileno(), select.EPOLLIN)
        self._poll.register(bell, select.EPOLLIN)

    def run(self) -> None:
        """Until the pass has gone and everything has ended."""
        while self._wire is not None or self._running or self._writing:
            if self._wire is not None:  # as many attempts as there can be files open; the others wait
                listens = len(self._running) + len(self._writing) < 2 * self._most
                self._poll.modify(self._wire.fileno(), select.EPOLLIN if listens else 0)
            for fd, _ in self._poll.poll(self._patience()):
                if fd == self._bell:
                    os.read(self._bell, CHUNK)
                    self._reap()
                elif self._wire is not None and fd == self._wire.fileno():
                    self._hear(self._wire)
                elif fd in self._writing:
                    self._carry(self._writing[fd])
            self._give_up()
            self._tell()

    def _patience(self) -> float | None:
        if self._news:
            return 0.05
        ends = [kept.ended_at for kept in self._writing.values() if kept.ended_at]
        return max(0.0, min(ends) + DRAIN_PATIENCE - time.monotonic()) if ends else None

    def _hear(self, wire: socket.socket) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(wire, CHUNK, 8, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            data, fds = b"", []
        if not data:
            self._hang_up(wire)
            return
        self._heard += data
        self._fds += fds
        for fields in self._requests():
            count = int(fields[1])
            given, self._fds[:count] = self._fds[:count], []
            self._begin(int(fields[0]), given, fields[2:])

    def _requests(self) -> Iterator[list[bytes]]:
        while len(self._heard) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._heard)[0]
            if len(self._heard) < end:
                return
            fields = bytes(self._heard[LENGTH.size : end]).split(b"\0")
            del self._heard[:end]
            yield fields

    def _begin(self, number: int, given: list[int], fields: list[bytes]) -> None:
        """Claim the attempt, then start it: who finds no claim knows that nothing was started."""
        kept, writer, report, failed = Kept(number, given[0]), -1, -1, 0
        try:
            _refuse_cancelled(kept.directory)
            kept.pipe, writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(kept.pipe, False)
            if len(given) > 1:
                kept.status, report = os.pipe2(os.O_CLOEXEC)
            _make_directories(kept.directory)
            kept.claim = os.open("claim", _NEW | os.O_TRUNC, 0o600, dir_fd=kept.directory)
            _write(kept.claim, f"claim {self._name} {time.time():.6f}\n")
            failed = self._start(kept, fields, {1: writer, 2: writer, STATUS: report, ARGUMENTS: given[-1]})
        except OSError as error:
            if kept.claim >= 0:
                with suppress(OSError):
                    os.unlink("claim", dir_fd=kept.directory)
            kept.close()
            self._news += NEWS.pack(number, REFUSED, error.errno or errno.EIO)
        finally:
            _close(writer, report, *given[1:])
        if failed:
            self._ended(kept, failed)

    def _start(self, kept: Kept, fields: list[bytes], fds: dict[int, int]) -> int:
        """The exit code, if there is nothing that could be executed."""
        count = int(fields[1])
        words, environment = fields[2 : 2 + count], fields[2 + count :]
        fds = {target: fd for target, fd in fds.items() if target < STATUS or kept.status >= 0}
        try:
            os.chdir(fields[0])
            pid = self._spawn(words, dict(line.split(b"=", 1) for line in environment), fds)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
                raise
            _write(fds[1], words[0][:4000] + f": {error.strerror}\n".encode())
            self._writing[kept.pipe] = kept
            return 127 if error.errno in _NOT_THERE else 126
        finally:
            os.chdir("/")
        self._running[pid] = self._writing[kept.pipe] = kept
        self._poll.register(kept.pipe, select.EPOLLIN)
        with suppress(OSError):
            _write(kept.claim, f"pid {pid} {_start_time(pid)}\n")
        return 0

    def _spawn(self, words: list[bytes], env: dict[bytes, bytes], fds: dict[int, int]) -> int:
        """As execvp does it, by the command's own PATH."""
        denied = False
        for program in _candidates(words[0], env.get(b"PATH", b"")):
            try:
                return self._execute(program, words, env, fds)
            except OSError as error:
                if error.errno == errno.ENOEXEC:  # a script without a first line that says what runs it
                    return self._execute(b"/bin/sh", [b"sh", program, *words[1:]], env, fds)
                if error.errno not in (*_NOT_THERE, errno.EACCES):
                    raise
                denied = denied or error.errno == errno.EACCES
        missing = errno.EACCES if denied else errno.ENOENT
        raise OSError(missing, os.strerror(missing))

    def _execute(
        self, program: bytes, words: list[bytes], env: dict[bytes, bytes], fds: dict[int, int]
    ) -> int:
        actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in fds.items()]
        resource.setrlimit(resource.RLIMIT_NOFILE, self._given_limit)
        try:
            return os.posix_spawn(program, words, env, file_actions=actions, setsid=True, setsigdef=_DEFAULT)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._own_limit)

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if kept := self._running.pop(pid, None):
                code = os.waitstatus_to_exitcode(status)
                self._ended(kept, code if code >= 0 else 128 - code)

    def _ended(self, kept: Kept, code: int) -> None:
        """Write down how; a full disk leaves it unwritten, and then nobody knows."""
        kept.ended_at = time.monotonic()
        with suppress(OSError):
            _write(kept.claim, f"exit {code} {time.time():.6f} {_verdict(kept.status) if code else 'run'}\n")
        if kept.pipe < 0:
            self._finish(kept)
        elif not self._carry(kept):
            self._news += NEWS.pack(kept.number, ENDED, 0)

    def _carry(self, kept: Kept) -> bool:
        """Bring what was said to the log; whether that was the last of it."""
        for _ in range(AT_ONCE):
            try:
                data = os.read(kept.pipe, CHUNK)
                if not data:
                    break
                if kept.log < 0:
                    kept.log = os.open("log", _NEW | os.O_APPEND, 0o600, dir_fd=kept.directory)
                _write(kept.log, data)
            except BlockingIOError:
                return False
            except OSError:  # no space: whoever writes on is told so by the pipe
                break
        else:
            return False
        self._close_log(kept)
        return True

    def _close_log(self, kept: Kept) -> None:
        del self._writing[kept.pipe]
        os.close(kept.pipe)
        kept.pipe = -1
        if kept.ended_at:  # else the command has closed its output, and goes on
            self._finish(kept)

    def _finish(self, kept: Kept) -> None:
        kept.close()
        self._news += NEWS.pack(kept.number, WHOLE, 0)

    def _give_up(self) -> None:
        now = time.monotonic()
        for kept in [k for k in self._writing.values() if k.ended_at and now >= k.ended_at + DRAIN_PATIENCE]:
            if not self._carry(kept):
                self._close_log(kept)

    def _tell(self) -> None:
        if self._news and self._wire is not None:
            try:
                del self._news[: self._wire.send(self._news, socket.MSG_DONTWAIT)]
            except BlockingIOError:
                return
            except OSError:
                self._hang_up(self._wire)
        if self._wire is None:
            self._news.clear()

    def _hang_up(self, wire: socket.socket) -> None:
        wire.close()
        self._wire = None
        _close(*self._fds)  # of a request that has not come whole


def _candidates(program: bytes, path: bytes) -> Iterator[bytes]:
    if b"/" in program:
        yield program
        return
    for directory in path.split(b":"):
        whole = os.path.join(directory or b".", program)  # noqa: PTH118 (bytes)
        if os.path.lexists(whole):
            yield whole


def _verdict(status: int) -> str:
    """Whether bubblewrap, which reports on `status`, got as far as running the command."""
    if status < 0:
        return "run"
    os.set_blocking(status, False)
    try:
        return "run" if b'"exit-code"' in os.read(status, CHUNK) else "unrun"
    except BlockingIOError:
        return "unrun"


def _write(fd: int, data: bytes | str) -> None:
    left = memoryview(data.encode() if isinstance(data, str) else data)
    while left:
        left = left[os.write(fd, left) :]


def _close(*fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)


def _make_directories(directory: int) -> None:
    for name in WORKED_IN:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=directory)


def _refuse_cancelled(directory: int) -> None:
    with suppress(FileNotFoundError):
        os.stat("cancel", dir_fd=directory)
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))


def _start_time(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
        line = file.read()
    return int(line[line.rindex(b")") + 2 :].split()[19])


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read().decode().strip()


def main(open_files: int) -> None:
    """Leave whoever started us, then keep."""
    if os.fork():
        os._exit(0)  # so that nobody has to wait for us: a keeper may outlive who started it
    wire = socket.socket(fileno=os.dup2(3, LOW, inheritable=False))
    for fd in range(3, LOW):
        os.dup2(0, fd, inheritable=False)
    os.closerange(LOW + 1, 4096)  # what the pass was given without its knowing, such as somebody's lock
    bell, ringer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in _TOLD:
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    Keeper(wire, bell, open_files).run()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    finally:
        os._exit(0)  # the steps that are kept, if it has come to that, are found lost
