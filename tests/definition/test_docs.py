"""The page about definitions: current, and true in its examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import definitions
from reconciler.definition import check_text

TEXT = definitions.PAGE.read_text(encoding="utf-8")


def test_the_reference_is_what_the_schema_says() -> None:
    assert definitions.page() == TEXT, "run `python -m docs.definitions`"


def test_every_reason_is_in_the_table_and_no_other() -> None:
    sources = ("core/graph", "core/plan", "core/start", "core/transition", "core/verdict", "core/conclusion")
    sources += ("executors/ending", "executors/transfer")
    texts = [Path(f"reconciler/{name}.py").read_text(encoding="utf-8") for name in sources]
    given = set(re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"', "".join(texts)))
    table = TEXT.partition("| reason | class |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == given


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(apiVersion.*?\n  steps.*?)```", TEXT, re.DOTALL))
def test_the_workflow_in_the_introduction_is_sound(example: str) -> None:
    assert check_text(example.encode()).problems == ()


def test_the_examples_of_the_reference_are_a_sound_workflow() -> None:
    """Put together, the examples of the topmost tables are one definition."""
    example = re.search(r"### The document\n.*?```yaml\n(.*?)```", TEXT, re.DOTALL)

    assert example is not None
    assert check_text(example[1].encode()).problems == ()
