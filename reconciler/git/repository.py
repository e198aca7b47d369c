"""The source side: what people pushed, read from our bare clone without ever checking anything out.

Reading compares trees, not commits, so it is right after force pushes, renames and a lost database.
No command that reads knows the remote: nothing is downloaded because somebody looked at it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from reconciler.errors import GitError, GitUnavailable, SettingsError
from reconciler.git import comparison
from reconciler.git.access import GitAccess, checked_branch, is_object_id
from reconciler.git.clone import Clone
from reconciler.git.command import Git
from reconciler.git.objects import answers
from reconciler.git.translate import CloneDamaged
from reconciler.git.tree import TreeEntry, entry

DEFAULT_BLOB_LIMIT = 32 << 20
_BATCH = 20_000
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/~^-]{0,200}")
_T = TypeVar("_T")


class Repository:
    """One branch of a remote repository, in a bare clone at `directory`.

    Blobs larger than `blob_limit` bytes stay with the remote, where it can filter; reading one gives None.
    A clone that turns out to be damaged is made anew, once, while it is being read.
    """

    def __init__(
        self, directory: str | os.PathLike[str], access: GitAccess, *, blob_limit: int = DEFAULT_BLOB_LIMIT
    ) -> None:
        self.access = access
        self._clone = Clone(directory, access, blob_limit)
        self._git = Git(self._clone.directory, access)

    def fetch(self) -> str | None:
        """The tip of the branch at the remote, brought here; None when there is no such branch."""
        return self._clone.fetch()

    def tip(self) -> str | None:
        """The tip as of the last fetch, without the network and without a process."""
        return self._clone.tip()

    def entries(self, revision: str) -> Iterator[TreeEntry]:
        """Every file of the tree, in git's order; those that must not be used say why in `refused`."""
        _check(revision)
        seen: set[str] = set()
        for path, mode, oid in self._renewed(revision, lambda: self._ls_tree(revision)):
            found = entry(path, mode, oid)
            if found.path in seen and not found.refused:
                found = found._replace(refused="stands twice in its directory")
            seen.add(found.path)
            yield found

    def changes(self, base: str, revision: str, most: int) -> list[TreeEntry] | None:
        """What is not the same at both revisions, as it is at `revision`; None where only a list tells, or
        where that is more than `most`."""
        _check(base)
        _check(revision)
        try:
            return comparison.changes(self._git, base, revision, most)
        except GitUnavailable:
            return None  # the old revision went with a damaged clone, say; the list has the last word

    def read(self, blobs: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | None]]:
        """The content of each blob, once, in any order; None where it is missing or above `limit` bytes."""
        source = iter(blobs)
        while batch := dict.fromkeys(islice(source, _BATCH)):
            try:
                yield from self._read(batch, limit)
            except CloneDamaged:
                self._clone.renew()
                yield from self._read(batch, limit)

    def resolve(self, name: str) -> str:
        """The commit that a person means by a commit id, its beginning, or the name of a branch."""
        if not _REVISION.fullmatch(name) or ".." in name:
            raise SettingsError(f"{name!r} is not a revision.", hint="Give a commit id or a branch name.")
        self._clone.prepare()
        found = self._commit(name) or self._commit_of_branch(name)
        if found is None:
            raise GitError(
                f"No commit and no branch '{name}' in {self.access.url}.",
                hint=f"Commits must be on the branch '{self.access.branch}'; run `git fetch` and look there.",
            )
        return found

    def verify(self, revision: str, allowed_signers: str | os.PathLike[str]) -> None:
        """GitError unless the commit is signed by a key in `allowed_signers` (see ssh-keygen(1))."""
        _check(revision)
        config = {
            "gpg.ssh.allowedSignersFile": os.fspath(allowed_signers),
            "gpg.minTrustLevel": "fully",  # a good signature by an unknown key is not enough
        }
        doing = f"verify the signature of {revision[:12]}"
        told = self._git.answer("verify-commit", "--end-of-options", revision, doing=doing, config=config)
        if told is None:
            raise GitError(
                f"The commit {revision[:12]} of '{self.access.branch}' is not signed by an allowed key.",
                hint="Sign it with an SSH key that the allowed-signers file names, or add the key there.",
            )

    def _ls_tree(self, revision: str) -> Iterator[tuple[bytes, str, str]]:
        arguments = ("-r", "-z", "--end-of-options", revision)
        for item in self._git.items("ls-tree", *arguments, doing=f"list the files of {revision[:12]}"):
            about, _, path = item.partition(b"\t")
            mode, _, oid = about.decode("ascii").split(" ")
            yield path, mode, oid

    def _renewed(self, revision: str, listing: Callable[[], Iterator[_T]]) -> Iterator[_T]:
        """`listing()`, and once more on a new clone where the old one is damaged and gave nothing yet."""
        began = False
        try:
            for item in listing():
                began = True
                yield item
        except CloneDamaged as damage:
            if revision != self.tip() and not self._git.has(revision):
                raise GitError(
                    f"The revision {revision[:12]} is not in {self.access.url} any more.",
                    hint="The history was rewritten; the next pass takes the branch as it is now.",
                ) from damage
            self._clone.renew()
            if began:
                raise
            yield from listing()

    def _read(self, waiting: dict[str, None], limit: int) -> Iterator[tuple[str, bytes | None]]:
        """Takes out of `waiting` what was answered; what is missing comes last, once git has ended well."""
        if bad := next((blob for blob in waiting if not is_object_id(blob)), None):
            raise ValueError(f"not an object id: {bad!r}")
        asked = [f"{blob}\n".encode("ascii") for blob in waiting]
        for answer in answers(self._git.objects(asked, "read the files"), limit):
            if not answer.missing:
                del waiting[answer.id]
                yield answer.id, answer.content
        for blob in waiting:
            yield blob, None

    def _commit(self, name: str) -> str | None:
        arguments = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        found = self._git.answer("rev-parse", *arguments, doing=f"find the revision '{name}'")
        return found.decode("ascii").strip() if found else None

    def _commit_of_branch(self, name: str) -> str | None:
        try:
            return self._clone.fetch_branch(checked_branch(name))
        except SettingsError:
            return None


def _check(revision: str) -> None:
    if not is_object_id(revision):
        raise ValueError(f"not a commit id: {revision!r}")
