"""Local executors that leave nothing running behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.artifacts import ArtifactStore
from reconciler.artifacts.directory import DirectoryStore
from reconciler.executors.local.executor import LocalExecutor
from reconciler.executors.local.options import Options

pytest.register_assert_rewrite("tests.executors.contract")

from tests.executors.contract import parse  # noqa: E402 - its asserts want to be explained too


@dataclass
class LocalHouse:
    """A directory of attempts, and the executors opened on it."""

    root: Path
    options: Options
    store: ArtifactStore
    absolute_paths: bool
    opened: list[LocalExecutor] = field(default_factory=list)

    def open(self, *, expecting: bool = False, **changed: object) -> LocalExecutor:
        options = replace(self.options, **changed)  # type: ignore[arg-type]
        executor = LocalExecutor(self.root, self.store, parse, options, expecting=expecting)
        self.opened.append(executor)
        return executor

    def close(self) -> None:
        for executor in self.opened:
            executor.close()
        sweeper = LocalExecutor(self.root, self.store, parse, self.options)
        for directory in self.root.glob("*/"):
            sweeper.release(directory.name)
        sweeper.close()


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., LocalHouse]]:
    """A house for an isolation; skipped where that does not work."""
    made: list[LocalHouse] = []

    def make(isolation: str, **more: object) -> LocalHouse:
        if isolation == "bubblewrap" and shutil.which("bwrap") is None:
            pytest.skip("bubblewrap is not installed")
        options = Options(slots=8, isolation=isolation, grace=1.0, patience=2.0, **more)  # type: ignore[arg-type]
        store = DirectoryStore(tmp_path / "store")
        house = LocalHouse(tmp_path / "attempts", options, store, isolation == "bubblewrap")
        made.append(house)
        return house

    yield make
    for house in made:
        house.close()


@pytest.fixture(params=["none", "bubblewrap"])
def house(request: pytest.FixtureRequest, make_house: Callable[..., LocalHouse]) -> LocalHouse:
    """One of each kind."""
    return make_house(request.param)
