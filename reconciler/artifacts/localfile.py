"""Local files that appear whole or not at all, and the operating system's errors as ours."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.artifacts.keys import PARTIAL
from reconciler.errors import PermanentError, StoreUnavailable

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


@contextmanager
def appearing(path: Path) -> Iterator[Callable[[bytes], object]]:
    """The `write` of a new file that appears at `path`, replacing a file there, when the block ends well.

    Not synced to the disk: a process that is killed loses nothing, and what a power cut takes is found by
    size and sha256 at the next fetch. A sync for each file would cost more than the copy itself.
    """
    partial = path.parent / f"{PARTIAL}{secrets.token_hex(8)}"
    with translated(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(partial, "xb")  # noqa: SIM115  (closed below, before it is renamed)

    def write(chunk: bytes) -> None:
        with translated(path, "write"):
            file.write(chunk)

    try:
        yield write
        with translated(path, "write"):
            file.close()
            partial.replace(path)
    except BaseException:
        with suppress(OSError):
            file.close()
        partial.unlink(missing_ok=True)
        raise
