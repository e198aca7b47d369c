"""Local files that appear whole or not at all, and the operating system's errors as ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.artifacts.keys import PARTIAL
from reconciler.errors import PermanentError, StoreUnavailable

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAY_PASS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)


@contextmanager
def translated(path: Path, verb: str) -> Iterator[None]:
    """OSError as StoreUnavailable where time or a person's `rm` may help, else as PermanentError."""
    try:
        yield
    except OSError as error:
        message = f"Cannot {verb} {path}: {error.strerror}."
        if error.errno in _MAY_PASS:
            raise StoreUnavailable(message) from error
        raise PermanentError(message, hint="Check the path and who may use it.") from error


def create(path: str | Path, mode: int = 0o666) -> int:
    """A descriptor of a new file, never of one that is there; the umask takes its part of `mode`."""
    return os.open(path, _NEW, mode)


def make_executable(path: Path) -> None:
    """For everybody, as nobody else than the step's own user sees it."""
    path.chmod(path.stat().st_mode | 0o111)


def write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    """A disk that gets full takes a part first."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def appearing(path: Path) -> Iterator[Callable[[bytes], object]]:
    """The `write` of a new file that appears at `path`, replacing a file there, when the block ends well.

    Not synced to the disk: a process that is killed loses nothing, and what a power cut takes is found by
    size and sha256 at the next fetch. A sync for each file would cost more than the copy itself.
    """
    partial = f"{path.parent}/{PARTIAL}{os.urandom(8).hex()}"
    with translated(path, "write"):
        descriptor = _create_below(path.parent, partial)

    def write(chunk: bytes) -> None:
        with translated(path, "write"):
            write_all(descriptor, chunk)

    try:
        try:
            yield write
        finally:
            os.close(descriptor)
        with translated(path, "write"):
            os.replace(partial, path)  # noqa: PTH105  (the partial name is a string: 10,000 of them count)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)  # noqa: PTH108
        raise


def _create_below(directory: Path, path: str) -> int:
    """Nearly always the directory is there already."""
    try:
        return create(path)
    except FileNotFoundError:
        directory.mkdir(parents=True, exist_ok=True)
        return create(path)
