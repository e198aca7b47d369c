"""A forking driver for each test process, a fast place for the trials, and the counts at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash import trial
from tests.crash.reference import Reference

MEMORY = Path("/dev/shm")  # a trial makes hundreds of small files


@pytest.fixture(scope="session")
def driver() -> Iterator[trial.Driver]:
    made = trial.Driver()
    yield made
    made.close()


@pytest.fixture(scope="session")
def reference(driver: trial.Driver, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(driver, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="session")
def unscheduled(driver: trial.Driver, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Without the scheduled workflow: when a time was due is known to the state alone until its run began."""
    return Reference(driver, tmp_path_factory.mktemp("unscheduled"), scheduled=False)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory for one test, in memory where the machine allows it."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    made = Path(tempfile.mkdtemp(prefix="reconciler-crash-", dir=MEMORY))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Iterator[Counter[str]]:
    """What a test counts; printed when all tests have ended, whether they passed or not."""
    counts: Counter[str] = Counter()
    yield counts
    record_property("crash counts", dict(counts))
