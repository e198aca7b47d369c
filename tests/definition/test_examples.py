"""Every file in examples/ is a test: `valid` ones have no problem, `invalid` ones begin with theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.definition import Listing, check_text, define
from reconciler.model.workflow import SourceFile
from reconciler.reconcile import entries
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


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_the_entry_of_a_document_alone_is_that_of_its_definition(path: Path) -> None:
    """Unless it takes files along: then there is none without the whole repository."""
    found = {checked.name: checked for checked in check_text(path.read_bytes()).documents}
    listing = {"workflows/x.yaml": SourceFile("workflows/x.yaml", "1f", False)}
    for name, checked in found.items():
        defined = entries.from_definition(define("workflows/x.yaml", checked, listing, Listing(listing)))
        alone = entries.from_document(checked.document, "workflows/x.yaml")
        assert alone == (None if defined.globs else defined), name


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
