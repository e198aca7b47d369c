"""A state in a directory of its own, opened with documents in the place of definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.state.store import State
from tests.strategies import bare


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(place: Path) -> Iterator[State]:
    with State.open(place, parse=bare) as opened:
        yield opened
