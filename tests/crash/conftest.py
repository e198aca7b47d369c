"""A forking driver for each test process, and how everything ends undisturbed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash import trial
from tests.crash.reference import Reference


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
