"""Commits as the stream that `git fast-import` reads: one process for all commits of a push.

Pure, and therefore the same runs on the same tip give the same commit ids. Every text goes in with its
length before it and every path quoted, so that nothing in a value can be taken for a command; paths are
checked here once more, because fast-import itself would take `../../evil` and `.git/hooks/x`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.errors import GitError, SettingsError
from reconciler.git.tree import path_refusal
from reconciler.model.ledger import LedgerCommit

OUTGOING = "refs/outgoing"
"""Where imported commits stand until the remote has taken them."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Author and committer of what we write; text for people, never proof of anything."""

    name: str = "Reconciler"
    email: str = "reconciler@localhost"

    def __post_init__(self) -> None:
        for text in (self.name, self.email):
            if not text.strip() or not text.isprintable() or set(text) & set("<>"):
                raise SettingsError(f"{text!r} cannot be part of a git identity.")

    def __str__(self) -> str:
        return f"{self.name.strip()} <{self.email.strip()}>"

    def variables(self, when: int) -> dict[str, str]:
        """For `git commit-tree`, which takes author, committer and date from its environment."""
        return {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", self.name), ("EMAIL", self.email), ("DATE", _date(when)))
        }


def stream(commits: Iterable[LedgerCommit], parent: str | None, identity: Identity) -> Iterator[bytes]:
    """The commits upon `parent` (None: a history of their own); git answers with their ids, in order."""
    yield b"feature done\n"
    yield f"reset {OUTGOING}\n{f'from {parent}' if parent else ''}\n".encode("ascii")
    for number, commit in enumerate(commits, 1):
        who = f"{identity} {_date(commit.when)}"
        yield f"commit {OUTGOING}\nmark :{number}\nauthor {who}\ncommitter {who}\n".encode()
        yield from _counted(message_bytes(commit.message))
        for path, content in sorted(commit.files.items()):
            yield b"M 100644 inline " + _quoted(path) + b"\n"
            yield from _counted(content)
        yield f"get-mark :{number}\n".encode("ascii")
    yield b"done\n"


def message_bytes(message: str) -> bytes:
    """As git takes it; NUL would end a message early, and git would refuse the push because of it."""
    return message.replace("\0", "\ufffd").encode("utf-8", "replace")


def _date(when: int) -> str:
    return f"{max(0, when)} +0000"


def _counted(content: bytes) -> Iterator[bytes]:
    yield f"data {len(content)}\n".encode("ascii")
    yield content
    yield b"\n"


def _quoted(path: str) -> bytes:
    refused = path_refusal(path)
    if refused:
        raise GitError(f"Will not write {path!r:.80} to the ledger: it {refused}.")
    return b'"' + path.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
