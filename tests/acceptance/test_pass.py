"""Given a repository, when a pass runs, then there are runs, files and commits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.place import Place

HELLO = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: hello}
spec:
  parameters:
    who: {type: string, default: world}
  steps:
    greet:
      command: [sh, -c, 'echo "hello $PARAM_WHO" > greeting.txt; echo 5 > length.txt']
      outputs:
        artifacts: {greeting: {path: greeting.txt}}
        parameters: {length: {path: length.txt, type: integer}}
    shout:
      when: ${{ steps.greet.outputs.length > 3 }}
      inputs:
        artifacts: {text: {from: greet/greeting, path: message}}
      command: [sh, -c, 'tr a-z A-Z < message > loud.txt']
      outputs:
        artifacts: {loud: {path: loud.txt}}
  outputs:
    parameters: {length: '${{ steps.greet.outputs.length }}'}
    artifacts: {loud: shout/loud}
"""


def one_step(name: str, command: str, extra: str = "") -> str:
    return (
        "apiVersion: reconciler/v1\nkind: Workflow\n"
        f"metadata: {{name: {name}}}\nspec:\n  steps:\n    only:\n      script: |\n        {command}\n{extra}"
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_push_becomes_a_run_and_the_run_becomes_a_commit(place):
    revision = place.push(hello=HELLO)
    place.run("pass")
    (subject,) = place.history()
    assert re.fullmatch(r"hello #1: Succeeded in \S+", subject)
    record = json.loads(place.ledger_file("hello/run.json"))
    assert (record["revision"], record["outputs"]["parameters"]) == (revision, {"length": 5})
    loud = next(place.state.glob("artifacts/runs/hello/*/shout/1/artifacts/loud"))
    assert loud.read_text() == "HELLO WORLD\n"
    assert "```mermaid" in place.ledger_file("hello/README.md")


def test_row_21_nothing_changes_when_nothing_was_pushed(place):
    place.push(hello=HELLO)
    place.run("pass")
    before = place.git("rev-parse", "runs", cwd=place.remote)
    for _ in range(20):
        place.run("pass")
    assert place.git("rev-parse", "runs", cwd=place.remote) == before
    place.push("Add a comment", hello=f"# a comment\n{HELLO}")
    place.run("pass")
    assert place.git("rev-parse", "runs", cwd=place.remote) == before


def test_only_the_changed_workflow_runs(place):
    place.push(hello=HELLO, other=one_step("other", "true"))
    place.run("pass")
    place.push(other=one_step("other", "echo changed"))
    place.run("pass")
    names = [subject.split(":")[0] for subject in place.history()]
    assert sorted(names[:2]) == ["hello #1", "other #1"]
    assert names[2:] == ["other #2"]


def test_row_12_one_bad_file_never_stops_the_others(place):
    bad = {
        "syntax": "a: [1,\n",
        "nest": "[" * 30_000,
        "bomb": "a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n",
        "typo": HELLO.replace("command:", "comand:", 1).replace("name: hello", "name: typo"),
        "cycle": one_step("cycle", "true", "      needs: [only]\n"),
    }
    good = {f"good{n}": one_step(f"good{n}", "true") for n in range(20)}
    place.push(**bad, **good)
    printed = place.run("pass")
    assert len(place.history()) == 20
    for name in bad:
        assert re.search(rf"workflows/{name}\.yaml:\d+", printed), f"{name} is not reported"


def test_a_run_keeps_the_definition_that_it_started_from(place):
    place.push(slow=one_step("slow", "sleep 2; echo first > out.txt", ""))
    first = place.run("pass", "--pass-budget", "0s")
    assert "slow #1" in first
    place.push(slow=one_step("slow", "echo second"))
    place.run("pass")
    assert sorted(subject.split(":")[0] for subject in place.history()) == ["slow #1", "slow #2"]
    revisions = place.history("%(trailers:key=Revision,valueonly)")
    assert len({line for line in revisions if line}) == 2


def test_row_23_force_push_rewind_and_deletion_of_the_branch_are_followed_or_survived(place):
    first = place.push(hello=HELLO)
    place.run("pass")
    place.push(hello=HELLO.replace("world", "moon"))
    place.run("pass")
    place.git("reset", "--quiet", "--hard", first)
    place.git("push", "--quiet", "--force", "origin", "main")
    place.run("pass")
    assert [s.split(":")[0] for s in place.history()] == ["hello #1", "hello #2", "hello #3"]
    place.git("update-ref", "-d", "refs/heads/main", cwd=place.remote)
    place.run("pass")
    assert len(place.history()) == 3


def test_row_24_deleting_every_definition_cancels_nothing(place):
    place.push(slow=one_step("slow", "sleep 1"))
    place.run("pass", "--pass-budget", "0s")
    place.git("rm", "--quiet", "-r", "workflows")
    place.push("Delete everything")
    printed = place.run("pass")
    assert "no workflow is left at" in printed
    assert [s.split(" in ")[0] for s in place.history()] == ["slow #1: Succeeded"]


def test_row_25_a_later_file_cannot_take_a_name_that_is_taken(place):
    place.push(hello=HELLO)
    place.run("pass")
    place.push(aaa=HELLO.replace("world", "thief"))
    printed = place.run("pass")
    assert "workflows/aaa.yaml" in printed
    assert len(place.history()) == 1


def test_row_03_a_symbolic_link_is_a_problem_and_reads_nothing(place):
    secret = place.root / "secret.yaml"
    secret.write_text(one_step("secret", "true"))
    (place.clone / "workflows").mkdir()
    (place.clone / "workflows" / "link.yaml").symlink_to(secret)
    place.push(hello=HELLO)
    printed = place.run("pass")
    assert "workflows/link.yaml:1:1: $: " in printed
    assert [s.split(":")[0] for s in place.history()] == ["hello #1"]


def test_hundreds_of_definitions_are_checked_side_by_side(place):
    """Enough of them for further processes, and for git to wait for more questions while those begin."""
    hundreds = {
        f"w{number}": one_step(f"w{number}", "true").replace("spec:", "spec:\n  on: {change: false}")
        for number in range(2_000)
    }
    hundreds["w7"] = hundreds["w7"].replace("steps", "stesp")
    place.push(**hundreds)
    assert "workflows/w7.yaml:6:3: $.spec.stesp: " in place.run("pass", RECONCILER_LIMITS_GIT_TIMEOUT="20s")


def test_a_source_that_is_not_there_is_named_before_the_ledger_in_it(place):
    nowhere = str(place.root / "nowhere")
    printed = place.run("pass", "--repository-url", nowhere, code=1)
    assert (
        f"Could not fetch 'main' ({nowhere}): '{nowhere}' does not appear to be a git repository\n" in printed
    )
    assert "'runs'" not in printed


def test_a_ledger_that_is_not_there_is_named_where_the_source_is(place):
    place.push(hello=HELLO)
    printed = place.run("pass", "--ledger-url", str(place.root / "nowhere"), code=1)
    assert "Could not fetch 'runs'" in printed


def test_a_ledger_that_is_gone_when_the_branch_has_moved_is_named_and_the_next_pass_publishes(place):
    ledger = place.root / "ledger.git"
    place.git("init", "--quiet", "--bare", str(ledger))
    words = ("pass", "--ledger-url", str(ledger))
    place.push(hello=HELLO)
    place.run(*words)
    assert "nothing to do" in place.run(*words)
    place.push(hello=HELLO.replace("hello", "goodbye", 1))
    away = ledger.rename(place.root / "away.git")
    assert "Could not fetch 'runs'" in place.run(*words, code=1)
    away.rename(ledger)
    place.run(*words)
    assert len(place.git("log", "--format=%s", "runs", cwd=ledger).splitlines()) == 2


def test_the_overview_follows_what_others_write_to_the_ledger(place):
    """Between two passes somebody removes a workflow's page, and leaves what is no record."""
    place.push(hello=HELLO, gone=one_step("gone", "true"))
    place.run("pass")
    assert "2 workflows: 2 Succeeded." in place.ledger_file("README.md")
    place.git("fetch", "--quiet", "origin", "runs")
    place.git("checkout", "--quiet", "-b", "theirs", "FETCH_HEAD")
    place.git("rm", "--quiet", "-r", "gone")
    for path, text in {
        "odd/run.json": "{",
        "even/run.json": place.ledger_file("hello/run.json"),
    }.items():
        place.write(path, text)
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message", "Tidy up")
    place.git("push", "--quiet", "origin", "theirs:runs")
    place.git("checkout", "--quiet", "main")
    place.push(new=one_step("new", "false"))
    place.run("pass")
    page = place.ledger_file("README.md")
    assert "2 workflows: 1 Succeeded, 1 Failed." in page
    assert [name in page for name in ("hello/README.md", "new/README.md", "gone", "odd", "even")] == [
        True,
        True,
        False,
        False,
        False,
    ]
