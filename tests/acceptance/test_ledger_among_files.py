"""Given a ledger branch that holds people's files, when a pass publishes, then theirs stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.place import Place

WORKFLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: NAME}
spec:
  steps:
    only: {command: ["true"]}
"""
THEIRS = {
    "README.md": "# Our project\n",
    "Docs/README.md": "on many a disk the same as docs\n",
    "_": "a file of theirs\n",
    "data/README.md": "what the data means\n",
    "data/customers.csv": "id\n1\n",
    "fixtures/train/run.json": "{}\n",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, {"RECONCILER_LEDGER_BRANCH": "main"})


def push(place: Place, *names: str) -> dict[str, str]:
    """Push one workflow for each name, upon whatever stands at the remote; everything on `main` then."""
    place.push(**{name: WORKFLOW.replace("NAME", name) for name in names})
    return place.tree("main")


def subjects(place: Place) -> list[str]:
    return place.git("log", "--reverse", "--format=%s", "main", cwd=place.remote).splitlines()


def test_a_ledger_on_the_source_branch_leaves_every_file_of_people_alone(place: Place) -> None:
    for path, text in THEIRS.items():
        place.write(path, text)
    before = push(place, "data", "docs", "train", "workflows")
    place.run("pass")
    after = place.tree("main")
    assert {path: after.get(path) for path in before} == before
    assert sorted(after.keys() - before.keys()) == sorted(
        [f"{where}/{name}" for where in WHERE.values() for name in ("README.md", "run.json")] + ["RUNS.md"]
    )
    page = place.git("show", "main:RUNS.md", cwd=place.remote)
    assert [f"[{name}](<{where}/README.md>)" in page for name, where in WHERE.items()] == [True] * 4


WHERE = {
    "data": "__/3a/data",
    "docs": "__/46/docs",
    "train": "train",
    "workflows": "__/45/workflows",
}


def test_results_on_the_source_branch_start_nothing(place: Place) -> None:
    push(place, "data", "train")
    place.run("pass")
    tip = place.git("rev-parse", "main", cwd=place.remote)
    assert len(subjects(place)) == 3
    place.run("pass")
    place.run("pass")
    assert place.git("rev-parse", "main", cwd=place.remote) == tip


def test_every_workflow_keeps_the_place_that_it_found(place: Place) -> None:
    place.write("data/README.md", THEIRS["data/README.md"])
    push(place, "data", "train")
    place.run("pass")
    place.git("pull", "--quiet", "--rebase", "origin", "main")
    place.write("train/notes.txt", "somebody writes beside the page\n")
    place.write("workflows/data.yaml", WORKFLOW.replace("NAME", "data").replace("true", "false"))
    place.write("workflows/train.yaml", WORKFLOW.replace("NAME", "train").replace("true", "false"))
    before = push(place)
    place.run("pass")
    after = place.tree("main")
    assert after.keys() == before.keys()
    for where in ("train", "_/3a/data"):
        record = json.loads(place.git("show", f"main:{where}/run.json", cwd=place.remote))
        assert (record["number"], record["phase"]) == (2, "Failed")
    assert after["README.md"] != before["README.md"]
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {"README.md"} | {
        f"{where}/{name}" for where in ("train", "_/3a/data") for name in ("README.md", "run.json")
    }


def test_a_lost_state_finds_the_places_again(place: Place) -> None:
    place.write("data/README.md", THEIRS["data/README.md"])
    push(place, "data")
    place.run("pass")
    before = place.tree("main")
    place.state.rename(place.root / "lost")
    place.run("pass")
    assert place.tree("main") == before


def test_where_both_names_are_taken_there_is_no_overview(place: Place) -> None:
    place.write("README.md", "# Our project\n")
    place.write("runs.md", "our marathons\n")
    before = push(place, "train")
    place.run("pass")
    assert place.tree("main").keys() - before.keys() == {"train/README.md", "train/run.json"}
