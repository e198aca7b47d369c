"""Opening what user code left behind without being led astray by it.

A step may leave links to `/proc/self/environ` or to a mounted secret, and may swap a file for a link while we
look. So nothing here asks the kernel to follow a link: every component is opened from its parent's descriptor
with O_NOFOLLOW, and what was opened is looked at again. (`openat2(RESOLVE_BENEATH)` would do the same, but
has no Python binding and is forbidden in some sandboxes.)
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import PermanentError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LET_READ = "Let the step make it readable for others: chmod -R a+rX."
_MOST_LINKS = 40
_MOST_LEVELS = 200


class OutputRefused(PermanentError):
    """What stands at an output's path may not be stored; the message is a sentence for the author."""


class OutputMissing(PermanentError):
    """Nothing stands at an output's path."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing below a directory: "file", "directory" or "link" (which alone has a `target`).

    `parent` is a descriptor that is open until the walk goes on.
    """

    path: tuple[str, ...]
    kind: str
    parent: int
    executable: bool = False
    target: str = ""

    def open(self) -> int:
        """A descriptor of the regular file that was seen here, or OutputRefused if it is none by now."""
        return _regular(_open(self.path[-1], self.parent, 0, "/".join(self.path)), "/".join(self.path))


@contextmanager
def opened(root: Path, path: str) -> Iterator[int]:
    """A descriptor of the file or directory at `path` below `root`; links that stay below are followed.

    `path` is relative to `root`; a leading "/" stands for `root`.
    """
    with ExitStack() as stack:
        yield _resolve(root, path, stack)


def _resolve(root: Path, path: str, stack: ExitStack) -> int:
    """Walk by hand: the parents on the way are a list of descriptors, so that ".." can never lead above."""
    trail = [_keep(_open_root(root, path), stack)]
    ahead, links = _components(path), 0
    while ahead:
        name = ahead.pop()
        if name == "..":
            if len(trail) == 1:
                raise OutputRefused(f"{path!r} leads outside of the working directory.")
            trail.pop()
            continue
        status = _status(name, trail[-1], path)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            ahead += _components(_target(name, trail[-1], path, links))
        elif stat.S_ISDIR(status.st_mode):
            trail.append(_keep(_open(name, trail[-1], os.O_DIRECTORY, path), stack))
        elif ahead:
            raise OutputMissing(f"Nothing stands at {path!r}: {name!r} on the way is not a directory.")
        else:
            return _keep(_open_regular(name, trail[-1], path), stack)
    return trail[-1]


def _open_root(root: Path, path: str) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise OutputMissing(f"Nothing stands at {path!r}: its whole directory is gone.") from error
    except NotADirectoryError as error:  # which a symlink is, too
        raise OutputRefused(f"{path!r} has no directory any more: something else stands there.") from error


def _components(path: str) -> list[str]:
    """The last first; empty ones and "." say nothing."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _keep(descriptor: int, stack: ExitStack) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _status(name: str, parent: int, path: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError as error:
        raise OutputMissing(f"Nothing stands at {path!r}.") from error
    except OSError as error:
        raise OutputRefused(f"{path!r} may not be looked at: {error.strerror}.", hint=_LET_READ) from error


def _target(name: str, parent: int, path: str, links: int) -> str:
    try:
        target = os.readlink(name, dir_fd=parent)
    except OSError as error:
        raise _changed(path) from error
    if target.startswith("/"):
        raise OutputRefused(
            f"{path!r} leads through a symlink to {target!r}, outside of the working directory."
        )
    if links > _MOST_LINKS:
        raise OutputRefused(f"{path!r} leads through more than {_MOST_LINKS} symlinks.")
    return target


def _open(name: str, parent: int, flags: int, path: str) -> int:
    try:
        return os.open(name, _READ | flags, dir_fd=parent)
    except PermissionError as error:
        raise OutputRefused(f"{path!r} may not be read: {error.strerror}.", hint=_LET_READ) from error
    except OSError as error:
        raise _changed(path) from error


def _open_regular(name: str, parent: int, path: str) -> int:
    """Looked at before (opening a device can act on it) and after (it may have been swapped)."""
    _demand_regular(_status(name, parent, path), path)
    return _regular(_open(name, parent, 0, path), path)


def _regular(descriptor: int, path: str) -> int:
    try:
        _demand_regular(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _demand_regular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OutputRefused(f"{path!r} is {_kind(status.st_mode)}; only regular files can be stored.")
    if status.st_nlink > 1:
        raise OutputRefused(
            f"{path!r} is a hard link: the file has {status.st_nlink} names.",
            hint="Copy it (cp) instead of linking it (ln).",
        )


def _kind(mode: int) -> str:
    names = {
        stat.S_IFLNK: "a symlink",
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
    }
    return names.get(stat.S_IFMT(mode), "not a file")


def _changed(path: str) -> OutputRefused:
    return OutputRefused(f"{path!r} was changed while it was collected.")


def walk(directory: int, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Everything below, sorted by bytes, a directory before its content; OutputRefused for what may not be.

    Holds one list of names and one descriptor a level, whatever the number of files.
    """
    if len(above) > _MOST_LEVELS:
        raise OutputRefused(f"It has directories in more than {_MOST_LEVELS} levels.")
    for name in sorted(os.listdir(directory), key=os.fsencode):
        entry = _entry((*above, name), directory)
        yield entry
        if entry.kind == "directory":
            child = _open(name, directory, os.O_DIRECTORY, "/".join(entry.path))
            try:
                yield from walk(child, entry.path)
            finally:
                os.close(child)


def _entry(path: tuple[str, ...], parent: int) -> Entry:
    shown = "/".join(path)
    try:
        status = _status(path[-1], parent, shown)
    except OutputMissing as error:
        raise _changed(shown) from error
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, "directory", parent)
    if not stat.S_ISLNK(status.st_mode):
        _demand_regular(status, shown)
        return Entry(path, "file", parent, executable=bool(status.st_mode & stat.S_IXUSR))
    try:
        target = os.readlink(path[-1], dir_fd=parent)
    except OSError as error:
        raise _changed(shown) from error
    if not stays_below(path, target):
        raise OutputRefused(f"{shown!r} is a symlink to {target!r}, which does not surely stay inside.")
    return Entry(path, "link", parent, target=target)


def stays_below(path: Sequence[str], target: str) -> bool:
    """Whether a link at `path` (components below a top) to `target` can never lead above the top.

    Sure without looking at any other file when the ".." all come first, as they then count real directories;
    behind a name, which may itself be a link, they could lead anywhere.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return bool(target) and not target.startswith("/") and climbs < len(path) and ".." not in parts[climbs:]
