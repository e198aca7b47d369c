"""Every file in examples/ is a test: `valid` ones have no problem, `invalid` ones begin with theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.definition import check_text
from reconciler.share import repo_template

EXAMPLES = Path(__file__).parent / "examples"
VALID = [
    *sorted((EXAMPLES / "valid").glob("*.yaml")),
    *sorted((repo_template() / "workflows").glob("*.yaml")),
]
INVALID = sorted((EXAMPLES / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_has_no_problem(path: Path) -> None:
    verdict = check_text(path.read_bytes())

    assert [str(problem) for problem in verdict.problems] == []
    assert verdict.documents


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_has_exactly_the_problems_that_it_begins_with(path: Path) -> None:
    verdict = check_text(path.read_bytes())

    found = [f"# {str(problem).removeprefix(':')}" for problem in verdict.problems]
    if verdict.documents:
        found.append(f"# sound: {', '.join(checked.name for checked in verdict.documents)}")
    assert found == expected(path)


def expected(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[: next(index for index, line in enumerate(lines) if not line.startswith("#"))]


def test_there_are_examples() -> None:
    assert len(VALID) > 8
    assert len(INVALID) > 20
