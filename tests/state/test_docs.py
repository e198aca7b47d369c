"""docs/state.md shows what the commands really print."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state import sample

DOCUMENT = (Path(__file__).parents[2] / "docs" / "state.md").read_text()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.documented(tmp_path_factory.mktemp("documented"))


@pytest.mark.parametrize(
    ("command", "output"), [pytest.param(*one, id=one[0][-60:]) for one in sample.commands(DOCUMENT)]
)
def test_the_documented_output_is_real(directory: Path, command: str, output: str) -> None:
    assert sample.shell(directory, command) == output
