"""Places to call commands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.definitions import FAILING, TWO_STEPS
from tests.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A remote, a clone and settings; nothing has been pushed."""
    return Place(tmp_path)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place where one pass has run: `two` succeeded, `failing` did not. For those who only look."""
    place = Place(tmp_path_factory.mktemp("past"))
    place.write("names.txt", "Ada\n")
    place.push(two=TWO_STEPS, failing=FAILING)
    place.run("pass")
    return place
