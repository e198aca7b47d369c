"""One writer's life, as a process: `python -m tests.git.writer URL CLONE WORKFLOW PUSHES COMMITS`."""

from __future__ import annotations

import sys

from reconciler.errors import PushRejected
from reconciler.git.access import GitAccess
from reconciler.git.ledger import LedgerBranch
from tests.git.remotes import run_commit


def main(url: str, place: str, writer: str, pushes: int, commits: int) -> None:
    """A push that lost every race stays in the outbox, and the next pass takes it."""
    ledger = LedgerBranch(place, GitAccess(url, "runs", timeout=120))
    for push in range(pushes):
        outbox = [run_commit(push * commits + n, writer) for n in range(commits)]
        while not _published(ledger, outbox):
            pass


def _published(ledger: LedgerBranch, outbox: list[object]) -> bool:
    try:
        ledger.publish(lambda tip: outbox)  # type: ignore[arg-type, return-value]
    except PushRejected:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
