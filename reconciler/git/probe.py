"""Questions to git and to a remote that change nothing: for `reconciler doctor`."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.errors import GitError
from reconciler.git import safety
from reconciler.git.access import GitAccess
from reconciler.git.clone import Clone
from reconciler.git.command import Git
from reconciler.git.process import CommandFailed, run
from reconciler.git.translate import translate

OLDEST = (2, 39)
"""The oldest git that all of this is tried with."""

_REHEARSED = "refs/heads/reconciler-doctor"


def version() -> tuple[str, bool]:
    """What git says of itself, and whether it is new enough."""
    try:
        said = run(["git", "--version"], safety.environment()).decode("utf-8", "replace").strip()
    except CommandFailed as failure:
        raise translate(failure, None, "ask git for its version") from failure
    numbers = said.removeprefix("git version ").split(".")[:2]
    known = tuple(int(number) for number in numbers if number.isdigit())
    return said, known >= OLDEST


class Remote:
    """The remote of `access`, asked from an empty repository at `directory`, which the caller removes."""

    def __init__(self, directory: str | os.PathLike[str], access: GitAccess) -> None:
        clone = Clone(Path(directory) / "probe.git", access)
        clone.prepare()
        self._git = Git(clone.directory, access)
        self._access = access

    def tip(self) -> str | None:
        """The tip of the branch, which shows that it may be read; None when there is no such branch."""
        listed = self._ask("ls-remote", "origin", self._access.ref, doing="read").decode("ascii", "replace")
        return listed.split()[0] if listed else None

    def rehearse_push(self) -> None:
        """Ask for the right to push, and push nothing: GitError or GitUnavailable says why not."""
        where = self._access.url.removeprefix("file://")
        if where.startswith("/") and Path(where).is_dir() and not os.access(where, os.W_OK):
            raise GitError(
                f"The directory {where} cannot be written.", hint="Check its owner and its rights."
            )
        tree = self._git.run("mktree", stdin=(b"",), doing="write an empty tree").decode("ascii").strip()
        variables = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "doctor"), ("EMAIL", "doctor@localhost"), ("DATE", "@0 +0000"))
        }
        made = self._git.run(
            "commit-tree", tree, stdin=(b"Nothing\n",), variables=variables, doing="write an empty commit"
        )
        refspec = f"{made.decode('ascii').strip()}:{_REHEARSED}"
        self._ask("push", "--dry-run", "--no-verify", "--end-of-options", "origin", refspec, doing="push")

    def _ask(self, command: str, *arguments: str, doing: str) -> bytes:
        try:
            return self._git.execute(command, *arguments, remote=True)
        except CommandFailed as failure:
            raise translate(failure, self._access, f"{doing} '{self._access.branch}'") from failure
