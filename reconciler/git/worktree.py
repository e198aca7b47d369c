"""A plain directory as a source: what an author is working on, before it is committed.

Gives the same entries, refused for the same reasons and with the same blob ids, as if it had been pushed.
In a checkout, git says which files count (tracked, or new and not ignored); elsewhere all do.

Here, and only here, GitPython runs git: in a person's own checkout the person's own configuration is
meant to count (what is ignored globally, where a linked worktree has its repository), and finding a
checkout and its root is what it does well. Its arguments are constants.
"""

# Paths are bytes here, because what a path holds need not be text; pathlib has no such paths.
# ruff: noqa: PTH114, PTH115, PTH118

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import BinaryIO

from reconciler.errors import GitError
from reconciler.git.checkout import root_of
from reconciler.git.translate import redact
from reconciler.git.tree import TreeEntry, entry

_CHUNK = 1 << 20
_MOST_FILES, _MOST_BYTES = 20_000, 1 << 28  # outside of checkouts
_OURS = {
    # Listing files must not run what a repository's own config names, nor be refused where a
    # container mounts a checkout of somebody else.
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "false",
    "GIT_CONFIG_KEY_1": "core.hooksPath",
    "GIT_CONFIG_VALUE_1": "/dev/null",
    "GIT_CONFIG_KEY_2": "safe.directory",
    "GIT_CONFIG_VALUE_2": "*",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}


class Worktree:
    """The files below `directory`, read as a repository at one revision is read."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory).absolute()
        self._places: dict[str, bytes] = {}

    def entries(self, revision: str = "") -> Iterator[TreeEntry]:
        """Every file as it is now, sorted as git sorts; `revision` is not looked at."""
        self._places.clear()
        for path in sorted(self._paths()):
            found = self._entry(path)
            if found is not None:
                self._places[found.blob] = path
                yield found

    def changes(self, base: str, revision: str, most: int) -> None:
        """Files that people are at work on are listed each time."""

    def read(self, blobs: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | None]]:
        """The content behind each blob id that `entries` gave; None where it is too large or has changed."""
        for blob in blobs:
            path = self._places.get(blob)
            yield blob, self._content(path, blob, limit) if path is not None else None

    def _paths(self) -> Iterable[bytes]:
        root = root_of(self.directory)
        tracked = _tracked(root) if root else None
        if root is None or tracked is None:
            return _bounded(os.fsencode(self.directory))
        prefix = b"" if root == self.directory else os.fsencode(self.directory.relative_to(root)) + b"/"
        return (path.removeprefix(prefix) for path in tracked if path.startswith(prefix))

    def _entry(self, path: bytes) -> TreeEntry | None:
        place = os.path.join(os.fsencode(self.directory), path)
        try:
            status = os.lstat(place)
        except OSError:
            return None  # tracked, but deleted here
        if stat.S_ISDIR(status.st_mode):
            return entry(path.rstrip(b"/"), "160000", "")
        if stat.S_ISLNK(status.st_mode):
            return entry(path, "120000", _blob_id(os.fsencode(os.readlink(place))))
        if not stat.S_ISREG(status.st_mode):
            return entry(path, "special", "")
        mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
        try:
            with open(place, "rb") as file:
                return entry(path, mode, _hashed(file, status.st_size))
        except OSError as error:
            return entry(path, mode, "")._replace(refused=f"cannot be read: {error.strerror}")

    def _content(self, path: bytes, blob: str, limit: int) -> bytes | None:
        place = os.path.join(os.fsencode(self.directory), path)
        try:
            with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                content = file.read(limit + 1)
        except OSError:
            return None
        return content if len(content) <= limit and _blob_id(content) == blob else None


def _tracked(root: Path) -> Iterable[bytes] | None:
    """What git counts in the checkout at `root`; None where there is no git to ask.

    Asked at the root whatever part is wanted: a hook's variables, such as GIT_INDEX_FILE, hold there only.
    """
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git import Git
    from git.exc import GitCommandError, GitCommandNotFound

    git = Git(root)
    git.update_environment(**_OURS)
    options = ("-z", "--cached", "--others", "--exclude-standard")
    try:
        listed: bytes = git.ls_files(*options, stdout_as_string=False)
    except GitCommandNotFound:
        return None
    except GitCommandError as error:
        said = redact(str(error.stderr).encode()).strip()[:300]
        hint = "Check that `git status` works there."
        raise GitError(f"Could not list the files of '{root}': {said}", hint=hint) from error
    return dict.fromkeys(path for path in listed.split(b"\0") if path)


def _bounded(root: bytes) -> Iterator[bytes]:
    """Every file below `root`; GitError where that is more than anybody would take for a repository.

    A definition that lies in a home directory must not cost reading all of it.
    """
    size = 0
    for count, path in enumerate(_walk(root)):
        with suppress(OSError):
            size += os.lstat(os.path.join(root, path)).st_size
        if count >= _MOST_FILES or size > _MOST_BYTES:
            raise GitError(
                f"'{os.fsdecode(root)}' is no checkout, and holds too many files to be taken for one.",
                hint="Run `git init` where the files belong, or keep them in a directory of their own.",
            )
        yield path


def _walk(root: bytes) -> Iterator[bytes]:
    """Every file below `root` but git's and ours, links to directories included but not followed."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in (b".git", b".reconciler")]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(folder, name), root)


def _blob_id(content: bytes) -> str:
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _hashed(file: BinaryIO, size: int) -> str:
    """Git's id of the file, whatever its size, in bounded memory."""
    digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
