"""Real remotes for every test, and a watch over the processes that a test leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.git.access import GitAccess
from reconciler.git.ledger import LedgerBranch
from reconciler.git.repository import Repository
from tests.git.remotes import Remote


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "remote.git")


@pytest.fixture
def repository(remote: Remote, tmp_path: Path) -> Repository:
    return Repository(tmp_path / "state" / "source.git", GitAccess(remote.url, "main", timeout=30))


@pytest.fixture
def ledger(remote: Remote, tmp_path: Path) -> LedgerBranch:
    return LedgerBranch(tmp_path / "state" / "ledger.git", GitAccess(remote.url, "runs", timeout=30))


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    """Whatever a test provokes, no process of ours may outlive it, not even dead; others' are not ours."""
    before = _children()
    yield
    assert _children() <= before


def _children() -> set[str]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended while we looked
            _, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            if parent == str(os.getpid()):
                found.add(process.name)
    return found
