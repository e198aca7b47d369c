"""Publishing to the ledger branch, however many others push there too.

Fetch, let the caller build commits upon that tip, import them in one process, push once without force. A
push that lost a race is built again upon the new tip, so nobody's commit is lost and no merge is ever
needed. Commits depend on nothing but the runs and the tip, and the caller looks for its runs beyond the
tip that it knew; so a push that got through without our learning of it is found, not repeated.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from reconciler.errors import PushRejected
from reconciler.git import backoff, fast_import, push
from reconciler.git.access import GitAccess
from reconciler.git.clone import Clone
from reconciler.git.fast_import import Identity
from reconciler.git.history import LedgerEntry, LedgerHistory, LedgerTip
from reconciler.git.process import CommandFailed
from reconciler.git.translate import CloneDamaged, refusal, translate, unsignable
from reconciler.model.ledger import LedgerCommit

__all__ = ["Identity", "LedgerBranch", "LedgerEntry", "LedgerTip", "PublishResult"]

ATTEMPTS = 8
Build = Callable[[LedgerTip], Iterable[LedgerCommit]]


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The tip after a push, and the ids of the commits that it added, in their order."""

    tip: str | None
    commits: tuple[str, ...]


FRESH = 10.0
"""Seconds for which a fetched tip is built upon without asking again."""


def _chance() -> float:
    import random  # for who was beaten to a push, which is rare

    return random.random()


class LedgerBranch(LedgerHistory):
    """The branch of `access`, read and written; `identity` is author and committer.

    `allow` is asked before each push, and raises where it must not happen.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        access: GitAccess,
        identity: Identity | None = None,
        *,
        clone: Clone | None = None,
        allow: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = _chance,
    ) -> None:
        super().__init__(directory, access, clone)
        self._identity = identity or Identity()
        self._allow = allow
        self._sleep = sleep
        self._chance = chance

    def publish(self, build: Build, *, attempts: int = ATTEMPTS) -> PublishResult:
        """Put the commits that `build` makes for a tip upon that tip, at the remote.

        `build` is called again for every tip that is met, and decides by it alone. PushRejected when the
        branch moved at every attempt; GitError when the remote refuses by a rule, at once.
        """
        for failures in range(attempts):
            if failures:
                self._sleep(backoff.delay(failures, self._chance()))
            try:
                if result := self._publish_once(build, self._tip_to_build_on()):
                    return result
            except CloneDamaged:
                self._clone.discard()
        raise PushRejected(
            f"Could not push to '{self.branch}' ({self.access.url}): it moved {attempts} times meanwhile.",
            hint="The results are kept; the next pass publishes them.",
        )

    def _tip_to_build_on(self) -> LedgerTip:
        """A tip that was fetched a moment ago serves once: if it has moved since, the push is refused."""
        fetched_at, self._fetched_at = self._fetched_at, None
        is_fresh = fetched_at is not None and time.monotonic() - fetched_at < FRESH
        tip = self._tip if is_fresh else self.fetch()
        self._fetched_at = None
        return tip

    def _publish_once(self, build: Build, tip: LedgerTip) -> PublishResult | None:
        commits = iter(build(tip))
        first = next(commits, None)
        if first is None:
            return PublishResult(tip.commit, ())
        kept: list[LedgerCommit] = []
        ids = self._imported(_keeping(chain((first,), commits), kept), tip)
        if self.access.signing_key:
            ids = self._signed(kept, ids, tip, self.access.signing_key)
        if not self._push(ids[-1]):
            return None
        self._tip = LedgerTip(ids[-1])
        self._clone.tidy()
        return PublishResult(ids[-1], ids)

    def _imported(self, commits: Iterable[LedgerCommit], tip: LedgerTip) -> tuple[str, ...]:
        ids = self._git.run(
            "fast-import",
            "--quiet",
            "--force",
            "--date-format=raw",
            stdin=fast_import.stream(commits, tip.commit, self._identity),
            doing="write commits",
        )
        return tuple(ids.decode("ascii").split())

    def _signed(
        self, commits: Sequence[LedgerCommit], ids: Sequence[str], tip: LedgerTip, key: str
    ) -> tuple[str, ...]:
        """The same commits with a signature, which fast-import cannot make; one process each."""
        signed: list[str] = []
        config = {"gpg.format": "ssh", "user.signingKey": key}
        for commit, unsigned in zip(commits, ids, strict=True):
            parent = signed[-1] if signed else tip.commit
            options = ("-S", *(("-p", parent) if parent else ()), f"{unsigned}^{{tree}}")
            message = fast_import.message_bytes(commit.message)
            variables = self._identity.variables(commit.when)
            try:
                made = self._git.execute(
                    "commit-tree", *options, stdin=(message,), config=config, variables=variables
                )
            except CommandFailed as failure:
                raise unsignable(failure, key) from failure
            signed.append(made.decode("ascii").strip())
        return tuple(signed)

    def _push(self, commit: str) -> bool:
        """Whether the remote took it; False when another writer was first."""
        self._allow()
        options = ("--porcelain", "--no-verify", "--no-follow-tags", "--end-of-options")
        try:
            self._git.execute("push", *options, "origin", f"{commit}:{self.access.ref}", remote=True)
        except CommandFailed as failure:
            reason = push.rejection(failure.stdout)
            if reason and push.is_race(reason):
                return False
            doing = f"push to '{self.branch}'"
            if reason:
                raise refusal(failure, self.access, doing, reason) from failure
            raise translate(failure, self.access, doing) from failure
        return True


def _keeping(commits: Iterable[LedgerCommit], kept: list[LedgerCommit]) -> Iterator[LedgerCommit]:
    """`commits` as they come, without their files, which nobody asks for once they are imported."""
    for commit in commits:
        kept.append(replace(commit, files={}))
        yield commit
