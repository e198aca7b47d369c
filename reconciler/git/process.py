"""Run one git process and wait for it, with `os` and `select` alone.

`subprocess` would do, but importing it costs twice a no-op fetch, and its timeout ends the child while
leaving the helpers that git started. Here each git leads its own session, and whatever ends the waiting
early (timeout, too much output, the reader stopping, Ctrl-C) kills the whole group.
"""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

# The same on every system we run on; `signal` would cost an import of `enum`.
_SIGKILL, _SIGPIPE, _SIGXFSZ = 9, 13, 25
_CHUNK = 1 << 16
_STDERR_KEPT = 1 << 16


class CommandFailed(Exception):
    """Git ended with `code`; None: it was not waited for any longer (`why` says why)."""

    def __init__(self, argv: Sequence[str], code: int | None, stderr: bytes, why: str = "") -> None:
        super().__init__(f"{argv[0]}: {why or code}")
        self.argv = argv
        self.code = code
        self.stdout = b""
        self.stderr = stderr
        self.why = why


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: Iterable[bytes] = (),
    timeout: float = 60.0,
    limit: int = 1 << 24,
) -> bytes:
    """What the command wrote to its standard output; CommandFailed unless it ended with 0."""
    return _joined(stream(argv, env, stdin=stdin, timeout=timeout, limit=limit))


def stream(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: Iterable[bytes] = (),
    timeout: float = 60.0,
    limit: int | None = None,
    strict: bool = False,
) -> Generator[bytes, None, None]:
    """The command's output as it comes, in bounded memory; `stdin` is drawn on as fast as it is read.

    `timeout` counts the seconds that we wait for the command, not those that the reader takes. With
    `strict`, an error on standard error is a failure even where the command ends with 0: `cat-file`
    calls an object that it cannot read "missing", and says only there that it is corrupt.
    """
    yield from _followed(_Child(argv, env), stdin, timeout, limit, strict)


class Started:
    """A command that runs while something else is done; whoever starts one finishes or ends it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._child = _Child(argv, env)

    def finish(self, timeout: float, limit: int = 1 << 24) -> bytes:
        """As `run`, from here on."""
        return _joined(_followed(self._child, (), timeout, limit, False))

    def end(self) -> None:
        """Leave nothing of it behind."""
        self._child.end()


def _joined(chunks: Iterable[bytes]) -> bytes:
    kept: list[bytes] = []
    try:
        for chunk in chunks:
            kept.append(chunk)  # noqa: PERF402  (what came before a failure is wanted too)
    except CommandFailed as failure:
        failure.stdout = b"".join(kept)
        raise
    return b"".join(kept)


def _followed(
    child: _Child, stdin: Iterable[bytes], timeout: float, limit: int | None, strict: bool
) -> Generator[bytes, None, None]:
    try:
        yield from _exchange(child, iter(stdin), timeout, limit)
        code = child.wait()
    finally:
        child.end()
    if code or (strict and b"error: " in child.stderr):
        raise CommandFailed(child.argv, code, child.stderr)


class _Child:
    """One process, the leader of its own session, and our ends of its three pipes."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.argv = argv
        self.stderr = b""
        self.code: int | None = None
        theirs_in, self.stdin = os.pipe()
        self.out, theirs_out = os.pipe()
        self.err, theirs_err = os.pipe()
        self.open = {self.stdin, self.out, self.err}
        try:
            self.pid = os.posix_spawnp(
                argv[0],
                list(argv),
                dict(env),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs_in, 0),
                    (os.POSIX_SPAWN_DUP2, theirs_out, 1),
                    (os.POSIX_SPAWN_DUP2, theirs_err, 2),
                ],
                setsid=True,
                setsigdef=[_SIGPIPE, _SIGXFSZ],  # Python ignores these two, and children inherit that
            )
        except OSError as error:
            for fd in list(self.open):
                self.close(fd)
            raise CommandFailed(argv, None, b"", f"cannot be started: {error.strerror}") from error
        finally:
            for fd in (theirs_in, theirs_out, theirs_err):
                os.close(fd)
        os.set_blocking(self.stdin, False)

    def close(self, fd: int) -> None:
        if fd in self.open:
            self.open.remove(fd)
            os.close(fd)

    def wait(self) -> int:
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        for fd in list(self.open):
            self.close(fd)
        if self.code is None:
            _kill_group(self.pid)
            self.wait()


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, _SIGKILL)
    except ProcessLookupError:
        return


def _exchange(
    child: _Child, source: Iterable[bytes], timeout: float, limit: int | None
) -> Generator[bytes, None, None]:
    poll = select.poll()
    for fd, events in ((child.out, select.POLLIN), (child.err, select.POLLIN), (child.stdin, select.POLLOUT)):
        poll.register(fd, events)
    feed = _Feed(child.stdin, source)
    received = 0
    while child.out in child.open or child.err in child.open:
        before = time.monotonic()
        ready = poll.poll(max(0.0, timeout) * 1000)
        timeout -= time.monotonic() - before
        if not ready or timeout <= 0:
            raise CommandFailed(child.argv, None, child.stderr, "timed out")
        for fd, _ in ready:
            chunk = os.read(fd, _CHUNK) if fd != child.stdin else b""
            if fd == child.err:
                child.stderr = (child.stderr + chunk)[-_STDERR_KEPT:]
            if fd == child.out and chunk:
                received += len(chunk)
                if limit is not None and received > limit:
                    raise CommandFailed(child.argv, None, child.stderr, f"wrote more than {limit} bytes")
                yield chunk
            if not (chunk or (fd == child.stdin and feed.write())):
                poll.unregister(fd)
                child.close(fd)


class _Feed:
    """Writes an iterable of bytes to a pipe that may be full, or gone."""

    def __init__(self, fd: int, source: Iterable[bytes]) -> None:
        self._fd = fd
        self._source = iter(source)
        self._rest = memoryview(b"")

    def write(self) -> bool:
        """Write once; False when there is no more to write, or nobody to read it."""
        self._rest = self._rest or self._next()
        try:
            self._rest = self._rest[os.write(self._fd, self._rest) :] if self._rest else self._rest
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        self._rest = self._rest or self._next()
        return bool(self._rest)

    def _next(self) -> memoryview:
        chunks = []
        size = 0
        for chunk in self._source:
            chunks.append(chunk)
            size += len(chunk)
            if size >= _CHUNK:
                break
        return memoryview(b"".join(chunks))
