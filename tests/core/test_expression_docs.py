"""Every example in docs/expressions.md is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.core.expressions import Scope, check, evaluate
from reconciler.core.templates import render

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _DOCUMENT, re.MULTILINE | re.DOTALL)


def examples(language: str) -> list[tuple[str, str]]:
    lines = (line.partition("=>") for line in "".join(blocks(language)).splitlines())
    return [(left.strip(), right.strip()) for left, _, right in lines]


VALUES = json.loads(blocks("json")[0])
SCOPE = Scope(
    parameters={
        **{"epochs": "integer", "rate": "number", "name": "string"},
        **{"regions": "list", "options": "object", "verbose": "boolean"},
    },
    outputs={
        "load-data": {"rows": "integer", "columns": "list"},
        "train": {"accuracy": "number"},
        "extra": {"score": "number"},
    },
    inputs={"path": "string"},
)


@pytest.mark.parametrize(("source", "outcome"), examples("text"))
def test_an_expression_gives_what_the_documentation_says(source: str, outcome: str) -> None:
    problems = check(source, SCOPE).problems
    if problems:
        assert problems[0].message == outcome
    else:
        assert json.dumps(evaluate(source, VALUES, SCOPE)) == outcome
        assert json.dumps(evaluate(source, VALUES)) == outcome


@pytest.mark.parametrize(("template", "outcome"), examples("template"))
def test_a_template_gives_what_the_documentation_says(template: str, outcome: str) -> None:
    assert render(json.loads(template), VALUES, SCOPE) == json.loads(outcome)


def test_the_documentation_has_examples_of_all_kinds() -> None:
    assert len(examples("text")) > 30
    assert len(examples("template")) > 4
