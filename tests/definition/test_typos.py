"""Strictness, measured: every single slip in every key of every definition is found, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.definition import check_text
from reconciler.model.problem import Severity
from reconciler.share import repo_template
from tests.definition.typos import schema_keys, typos

TESTS = Path(__file__).parent.parent
DEFINITIONS = [
    path
    for root in (repo_template(), TESTS)
    for path in sorted(root.rglob("*.y*ml"))
    if "apiVersion: reconciler/" in path.read_text(encoding="utf-8") and path.parent.name != "invalid"
]


def test_every_style_is_among_the_definitions() -> None:
    names = {path.stem for path in DEFINITIONS}

    assert {"flow-style", "anchors", "merge-keys", "several-documents", "block-scalars", "churn"} <= names


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_every_single_key_typo_is_found_at_its_line(
    path: Path, record_property: pytest.RecordProperty
) -> None:
    text = path.read_bytes().decode()
    assert check_text(text.encode()).documents, "the definition itself is sound"
    tried, missed = 0, []
    for key in schema_keys(text):
        for typo in typos(key.text):
            mistyped = text[: key.start] + typo + text[key.start + len(key.text) :]
            tried += 1
            if not found_at(mistyped, key.line):
                missed.append(f"{key.line}: {key.text} -> {typo}")
    record_property("typos", tried)
    print(f"{path.name}: {tried} typos")
    assert tried > 0
    assert missed == []


def found_at(text: str, line: int) -> bool:
    problems = check_text(text.encode()).problems
    return any(problem.line == line and problem.severity is Severity.ERROR for problem in problems)
