"""A person's repository: any revision that they can name, read from its own objects, and a new one begun."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import GitError, SettingsError
from reconciler.git import safety
from reconciler.git.objects import answers
from reconciler.git.process import CommandFailed, run, stream
from reconciler.git.translate import redact, translate
from reconciler.git.tree import TreeEntry, entry

_LONGEST_NAME = 250
_LARGEST_LISTING = 1 << 28


class Checkout:
    """The repository whose work tree has its root at `directory`; nothing in it is ever changed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()

    def resolve(self, name: str) -> str:
        """The commit that `name` means here: a branch, a tag, a commit id, `HEAD~3`."""
        if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
            raise SettingsError(f"{name!r} is not a revision.")
        try:
            found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitError as error:
            hint = "Give a branch, a tag or a commit id; `git fetch` brings what others pushed."
            raise GitError(f"No revision '{name}' in {self.directory}.", hint=hint) from error
        return found.decode("ascii").strip()

    def entries(self, revision: str) -> Iterator[TreeEntry]:
        """Every file of the tree; those that must not be used say why in `refused`."""
        output = self._git("ls-tree", "-r", "-z", "--full-tree", "--end-of-options", revision)
        for line in output.split(b"\0")[:-1]:
            about, _, path = line.partition(b"\t")
            mode, _, oid = about.decode("ascii").split(" ")
            yield entry(path, mode, oid)

    def changes(self, base: str, revision: str, most: int) -> None:
        """Nobody asks for two revisions of a person's repository one after the other."""

    def read(self, blobs: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | None]]:
        """The content of each blob; None where it is missing or larger than `limit` bytes."""
        asked = [f"{blob}\n".encode("ascii") for blob in dict.fromkeys(blobs)]
        argv = [*self._argv, "cat-file", "--batch", "--buffer"]
        with self._told("read the files"):
            for answer in answers(stream(argv, safety.environment(), stdin=asked, strict=True), limit):
                yield answer.id, answer.content

    @property
    def _argv(self) -> list[str]:
        return ["git", f"--git-dir={self.directory / '.git'}"]

    def _git(self, command: str, *arguments: str) -> bytes:
        with self._told(command):
            return run([*self._argv, command, *arguments], safety.environment(), limit=_LARGEST_LISTING)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Git's complaint about a person's repository, which is theirs to repair."""
        try:
            yield
        except CommandFailed as failure:
            said = " ".join(redact(failure.stderr).split())[:300] or failure.why
            message = f"Could not {doing} in {self.directory}: {said}"
            raise GitError(message, hint="Check that `git status` and `git fsck` work there.") from failure


def root_of(path: str | os.PathLike[str]) -> Path | None:
    """The root of the checkout that `path` is in; None where it is in none."""
    place = Path(path).absolute()
    places = (place, *place.parents)
    return next((parent for parent in places if os.path.lexists(parent / ".git")), None)


def is_ignored(root: Path, path: Path) -> bool:
    """Whether the checkout at `root` leaves `path` to others."""
    argv = ["git", "-C", str(root), "check-ignore", "--quiet", "--", str(path.absolute())]
    try:
        run(argv, {**safety.environment(), "GIT_LITERAL_PATHSPECS": "0"})
    except CommandFailed as failure:
        if failure.code == 1:
            return False
        raise translate(failure, None, f"look whether '{path}' is ignored") from failure
    return True


def begin(directory: Path) -> None:
    """Make `directory` a repository of its own, without what a person's template would put in."""
    argv = [
        "git",
        "init",
        "--quiet",
        "--template=",
        "--initial-branch=main",
        "--end-of-options",
        str(directory),
    ]
    try:
        run(argv, safety.environment())
    except CommandFailed as failure:
        raise translate(failure, None, f"make '{directory}' a repository") from failure
