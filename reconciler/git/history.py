"""Reading the ledger branch: which runs it holds, their records, and where workflows stand in its tree.

The clone is whole (all commits and files of one branch): records of long ago are needed when a lost state
is rebuilt, and that is the only time when a clone is made; from then on a fetch brings what is new.
Other writers' and people's commits may stand there too; telling which are runs is not git's affair.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.git.access import GitAccess, is_object_id
from reconciler.git.clone import Clone
from reconciler.git.command import Git
from reconciler.git.objects import answers
from reconciler.git.translate import CloneDamaged

RECORD = "run.json"
_LARGEST_RECORD = 16 << 20
_DOING = "read the ledger"


@dataclass(frozen=True, slots=True)
class LedgerTip:
    """The newest commit of the branch; None while there is no such branch."""

    commit: str | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One commit of the branch, ours or not."""

    commit: str
    message: str


class LedgerHistory:
    """The branch of `access` as of the last fetch, in a bare clone at `directory`.

    `clone` is that clone where somebody has begun a fetch into it.
    """

    def __init__(
        self, directory: str | os.PathLike[str], access: GitAccess, clone: Clone | None = None
    ) -> None:
        self.access = access
        self.branch = access.branch
        self._clone = clone or Clone(directory, access)
        self._git = Git(self._clone.directory, access)
        self._tip = LedgerTip(self._clone.tip())
        self._fetched_at: float | None = None

    @property
    def tip(self) -> LedgerTip:
        """The tip as of the last fetch or push."""
        return self._tip

    def fetch(self) -> LedgerTip:
        """The tip at the remote, with everything below it brought here."""
        self._tip = LedgerTip(self._clone.fetch())
        self._fetched_at = time.monotonic()
        return self._tip

    def messages(self, since: str | None) -> Iterator[LedgerEntry]:
        """Every commit after `since`, oldest first; all of them where `since` is None or not known."""
        tip = self._tip.commit
        if tip is None or since == tip:
            return
        with self._sound():
            known = since is not None and is_object_id(since) and self._git.has(since)
            arguments = ("-z", "--reverse", "--format=%H%n%B", "--end-of-options")
            span = f"{since}..{tip}" if known else tip
            for item in self._git.items("log", *arguments, span, doing=_DOING):
                commit, _, message = item.decode("utf-8", "replace").partition("\n")
                yield LedgerEntry(commit, message)

    def records(self, entries: Iterable[LedgerEntry]) -> Iterator[tuple[str, bytes]]:
        """The record that each commit wrote, in their order; commits without one are left out.

        Git itself says which record a commit wrote, so this holds wherever the workflow stood then.
        """
        return self._contents(self._written(entry.commit for entry in entries))

    def latest_records(self, tip: LedgerTip) -> Iterator[tuple[str, bytes]]:
        """The latest record of every workflow at `tip`, with the directory where it stands."""
        return self._contents(self._standing(tip.commit)) if tip.commit else iter(())

    def changed_records(self, since: str, tip: LedgerTip) -> Iterator[tuple[str, bytes | None]] | None:
        """The records at `tip` that are not what they were at `since`, by directory, None for those that
        are gone; None where `since` is not known (any more)."""
        if tip.commit is None or not is_object_id(since) or not self._git.has(since):
            return None
        return self._changed(since, tip.commit)

    def kinds(self, tip: LedgerTip, paths: Sequence[str] = ()) -> dict[str, str]:
        """What stands at `tip`, as "tree", "blob" or "commit": everything in the root, or those of `paths`
        (git may tell of their neighbours and of the directories that lead there, too)."""
        if tip.commit is None:
            return {}
        found: dict[str, str] = {}
        with self._sound():
            asked = ("-t", "-z", "--end-of-options", tip.commit, *paths)
            for item in self._git.items("ls-tree", *asked, doing=_DOING):
                about, _, path = item.decode("utf-8", "replace").partition("\t")
                found[path] = about.split(" ")[1]
        return found

    def file(self, tip: LedgerTip, name: str) -> bytes | None:
        """The content of a file that stands in the root at `tip`; None where it is very large."""
        return next((content for _, content in self._contents([(name, f"{tip.commit}:{name}")])), None)

    def _contents(self, found: Iterable[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
        """The content of each blob in place of its id; both are drawn as they come, in bounded memory."""
        asked: deque[str] = deque()

        def lines() -> Iterator[bytes]:
            for what, blob in found:
                asked.append(what)
                yield f"{blob}\n".encode("ascii")

        with self._sound():
            for answer in answers(self._git.objects(lines(), _DOING), _LARGEST_RECORD):
                what = asked.popleft()
                if answer.missing:  # nothing is filtered here, so it was lost
                    raise CloneDamaged(f"Could not read the record of {what}: our clone has lost it.")
                if answer.content is not None:
                    yield what, answer.content

    def _changed(self, since: str, commit: str) -> Iterator[tuple[str, bytes | None]]:
        arguments = ("-r", "-z", "--no-abbrev", "--no-renames", "--end-of-options", since, commit)
        kept: list[tuple[str, str]] = []
        with self._sound():
            items = self._git.items("diff-tree", *arguments, doing=_DOING)
            for about, path in zip(items, items, strict=True):
                place, _, name = path.decode("utf-8", "replace").rpartition("/")
                _, mode, _, blob, what = about.decode("ascii").split(" ")
                if name != RECORD:
                    continue
                if what == "D" or not mode.startswith("100"):
                    yield place, None
                else:
                    kept.append((place, blob))
        yield from self._contents(kept)

    def _standing(self, commit: str) -> Iterator[tuple[str, str]]:
        """Every record in the tree of a commit, by its directory."""
        for item in self._git.items("ls-tree", "-r", "-z", "--end-of-options", commit, doing=_DOING):
            about, _, path = item.decode("utf-8", "replace").partition("\t")
            place, _, name = path.rpartition("/")
            if name == RECORD:
                yield place, about.split(" ")[2]

    def _written(self, commits: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The commits that wrote a record, each with its blob."""
        options = ("-r", "--root", "--raw", "-z", "--no-abbrev", "--no-renames")
        asked = (f"{commit}\n".encode("ascii") for commit in commits)
        commit = about = ""
        for item in self._git.items("diff-tree", "--stdin", *options, stdin=asked, doing=_DOING):
            text = item.decode("utf-8", "replace")
            if about:
                if commit and text.endswith(f"/{RECORD}") and not about.endswith("D"):
                    yield commit, about.split(" ")[3]
                    commit = ""
                about = ""
            elif text.startswith(":"):
                about = text
            else:
                commit = text.strip()

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Throws the clone away where it turns out to be damaged; the next fetch makes it anew."""
        try:
            yield
        except CloneDamaged:
            self._clone.discard()
            raise
