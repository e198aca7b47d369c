"""The page about definitions: current, and true in its examples."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from docs import definitions
from reconciler.definition import check_text
from reconciler.executors.kubernetes import causes

TEXT = definitions.PAGE.read_text(encoding="utf-8")


def test_the_reference_is_what_the_schema_says() -> None:
    assert definitions.page() == TEXT, "run `python -m docs.definitions`"


def test_every_reason_is_in_the_table_and_no_other() -> None:
    sources = ("core/graph", "core/plan", "core/start", "core/transition", "core/verdict", "core/conclusion")
    sources += ("executors/ending", "executors/transfer")
    texts = [Path(f"reconciler/{name}.py").read_text(encoding="utf-8") for name in sources]
    given = set(re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"', "".join(texts)))
    assert reasons(TEXT) == given


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(apiVersion.*?\n  steps.*?)```", TEXT, re.DOTALL))
def test_the_workflow_in_the_introduction_is_sound(example: str) -> None:
    assert check_text(example.encode()).problems == ()


def test_the_examples_of_the_reference_are_a_sound_workflow() -> None:
    """Put together, the examples of the topmost tables are one definition."""
    example = re.search(r"### The document\n.*?```yaml\n(.*?)```", TEXT, re.DOTALL)

    assert example is not None
    assert check_text(example[1].encode()).problems == ()


def test_every_reason_of_a_cluster_is_in_one_of_the_tables_and_no_other() -> None:
    modules = sorted(Path("reconciler/executors/kubernetes").glob("*.py"))
    source = "\n".join(path.read_text(encoding="utf-8") for path in modules)
    calls = r'(?:_lost|_infrastructure)\(\s*"(\w+)"|reason="(\w+)"|FailureClass\.\w+, "(\w+)"'
    given = {name for found in re.findall(calls, source) for name in found if name}
    given |= {*re.findall(r'reason = "(\w+)" if', source), *re.findall(r'reason = .* else "(\w+)"', source)}
    given |= {reason for reason, _ in causes.DISRUPTIONS.values()} | {*causes.CAUSES} | {"CrashLoopBackOff"}
    given |= {causes.SAME_AS.get(reason, reason) for reason in causes.WRONG_STEP}
    given.discard("Waiting")  # becomes StartTimeout, once the cluster's warnings were asked for
    page = (definitions.PAGE.parent / "kubernetes.md").read_text(encoding="utf-8")
    assert reasons(page) <= given
    assert given <= reasons(page) | reasons(TEXT)


def reasons(page: str) -> set[str]:
    """Those in the first column of the table of reasons."""
    table = page.partition("| reason | class |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    return set(re.findall(r"`(\w+)`", "".join(rows)))


def test_what_the_page_about_clusters_shows_is_sound() -> None:
    page = (definitions.PAGE.parent / "kubernetes.md").read_text(encoding="utf-8")
    company, secrets, spark = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[:3]
    step = "prepare:\n  image: x\n  outputs: {parameters: {rows: {path: rows}}}\n" + indent(secrets, "  ")

    for spec in (company, "steps:\n" + indent(step + spark, "  ")):
        text = "apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {name: a}\nspec:\n" + indent(spec, "  ")
        assert [str(problem) for problem in check_text(text.encode()).problems] == []
