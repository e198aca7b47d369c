"""Real remotes for every test, and a watch over the processes that a test leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
    """Whatever a test provokes, no process of ours may outlive it."""
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
