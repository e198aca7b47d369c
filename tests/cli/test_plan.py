"""`reconciler plan`: what would run and why, and nothing changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from reconciler.definition import workflow_from_document
from reconciler.state.store import State
from tests.cli.command import call, follows_the_schema
from tests.cli.definitions import TWO_STEPS, one


def plan(place, *words, **variables):
    """The plan as JSON: per workflow that would start, why."""
    document = call(place, "plan", *words, "-o", "json", **variables).json
    follows_the_schema(document, "plan")
    return document


def starts(place, *words, **variables):
    return {each["workflow"]: each["reasons"] for each in plan(place, *words, **variables)["starts"]}


def everything_below(directory: Path) -> dict[str, object]:
    """Every file but those that SQLite itself makes to read beside somebody who writes."""
    files = (p for p in directory.rglob("*") if p.is_file() and not p.name.endswith(("-shm", "-wal")))
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def pushed(place):
    place.write("names.txt", "Ada\n")
    place.push(two=TWO_STEPS, other=one("other", "true"))
    return place


def test_without_a_state_everything_is_new(place):
    pushed(place)
    assert starts(place) == {"two": ["new"], "other": ["new"]}
    assert not place.state.exists()


def test_what_has_run_is_unchanged_and_a_change_says_where(place):
    pushed(place).run("pass")
    assert starts(place) == {}
    place.push(two=TWO_STEPS.replace("tee", "tee -a").replace("default: 1,", "default: 2,"))
    assert starts(place) == {"two": ["step 'greet': command changed", "parameter 'times' changed"]}
    place.write("names.txt", "Grace\n")
    place.push("Another name", two=TWO_STEPS)
    assert starts(place) == {"two": ["file names.txt changed"]}


def test_it_changes_nothing(place):
    pushed(place).run("pass")
    place.push(other=one("other", "false"))
    before = everything_below(place.state)
    call(place, "plan")
    assert everything_below(place.state) == before


def test_the_working_tree_is_looked_at_before_anything_is_pushed(place):
    pushed(place).run("pass")
    place.write("workflows/fresh.yaml", one("fresh", "true"))
    assert starts(place) == {}
    assert starts(place, "--working-tree") == {"fresh": ["new"]}


def test_a_revision_may_be_a_branch_or_a_commit(place):
    pushed(place).run("pass")
    place.git("checkout", "--quiet", "-b", "next")
    place.write("workflows/fresh.yaml", one("fresh", "true"))
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message", "Next")
    place.git("push", "--quiet", "origin", "next")
    assert starts(place, "--revision", "next") == {"fresh": ["new"]}
    assert starts(place, "--revision", "main") == {}
    assert "No commit and no branch 'nxt'" in call(place, "plan", "--revision", "nxt", code=1).err


def test_against_a_base_what_has_run_does_not_count(place):
    pushed(place)
    place.write("workflows/two.yaml", TWO_STEPS.replace("tee", "tee -a"))
    (place.clone / "workflows" / "other.yaml").unlink()
    document = plan(place, "--working-tree", "--base", "main")
    assert [each["workflow"] for each in document["starts"]] == ["two"]
    assert document["gone"] == ["other"]


def test_without_settings_the_checkout_around_is_looked_at(place):
    pushed(place)
    none = {"RECONCILER_REPOSITORY_URL": ""}
    assert set(starts(place, **none)) == {"two", "other"}
    assert set(starts(place, "--revision", "HEAD", **none)) == {"two", "other"}
    assert starts(place, "--revision", "HEAD", "--base", "main", **none) == {}
    assert "No revision 'nope'" in call(place, "plan", "--revision", "nope", code=1, **none).err


def test_what_is_due_by_its_schedule_says_when(place):
    place.push(nightly=one("nightly", "true", '  on: {schedule: [{cron: "0 3 * * *"}]}\n'))
    place.run("pass")
    assert starts(place) == {}
    with State.open(place.state / "state.db", parse=workflow_from_document) as state:
        state.set_schedule_marks({("nightly", "0 3 * * *"): datetime(2026, 1, 1, tzinfo=UTC)})
    (reason,) = starts(place)["nightly"]
    assert re.fullmatch(r"due at \d{4}-\d\d-\d\dT03:00:00Z \(0 3 \* \* \*\)", reason)


def test_what_waits_for_its_schedule_or_a_person_is_not_called_unchanged(place):
    nightly = one("nightly", "true", '  on: {change: false, schedule: [{cron: "0 3 * * *"}]}\n')
    place.push(nightly=nightly, handy=one("handy", "true", "  on: {change: false}\n"))
    place.run("pass")
    document = plan(place)
    assert (document["starts"], document["unchanged"]) == ([], [])
    assert document["waiting"] == [
        {"workflow": "handy", "because": "never ran; starts by hand only"},
        {"workflow": "nightly", "because": "never ran; waits for its schedule (0 3 * * *)"},
    ]
    text = call(place, "plan").out
    assert "0 would start, 0 unchanged, 2 waiting" in text
    assert "  .  nightly  never ran; waits for its schedule (0 3 * * *)" in text

    with State.open(place.state / "state.db", parse=workflow_from_document) as state:
        state.set_schedule_marks({("nightly", "0 3 * * *"): datetime(2026, 1, 1, tzinfo=UTC)})
    place.run("pass")
    assert plan(place)["unchanged"] == ["nightly"]
    place.push(nightly=nightly.replace("true", "false"))
    assert plan(place)["waiting"][1]["because"] == "changed since it ran; waits for its schedule (0 3 * * *)"
    assert plan(place, "--revision", "main", "--base", "main")["waiting"] == []


def test_suspended_workflows_and_problems_are_told(place):
    pushed(place)
    place.push(
        calm=one("calm", "true", "  suspend: true\n"), typo=one("typo", "true").replace("steps", "stps")
    )
    text = call(place, "plan").out
    assert "  ~  calm      suspended" in text
    assert "  +  other #1  new" in text
    assert "workflows/typo.yaml:" in text
    document = plan(place)
    assert document["suspended"] == ["calm"]
    assert "typo" not in document["gone"]


def test_a_problem_does_not_make_a_workflow_gone(place):
    pushed(place).run("pass")
    place.push(other="a: [\n")
    document = plan(place)
    assert (document["gone"], document["problems"][0]["path"]) == ([], "workflows/other.yaml")


def test_no_branch_and_no_repository_are_told(place):
    assert "There is no branch 'main'" in call(place, "plan", code=1).err
    err = call(place, "plan", code=1, RECONCILER_REPOSITORY_URL=str(place.root / "nowhere.git")).err
    assert "nowhere.git" in err
