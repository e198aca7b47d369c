"""What a pass says, and to whom: a terminal, a log file, a collector of JSON."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.command import call, follows_the_schema, on_a_terminal
from tests.cli.definitions import FAILING, TWO_STEPS, one


@pytest.fixture
def pushed(place):
    place.write("names.txt", "Ada\n")
    place.push(two=TWO_STEPS)
    return place


def test_off_a_terminal_there_is_one_line_per_event(pushed):
    done = call(pushed, "pass")
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith("two #1: started at ")
    assert "two #1: greet: started (attempt 1)" in lines
    assert lines[-2] == "1 run committed to runs"
    assert re.fullmatch(r"pass at [0-9a-f]{12}: 1 started, 1 published, 0 still open", lines[-1])
    assert "\x1b" not in done.err


def test_on_a_terminal_running_steps_are_shown_live(pushed):
    shown = on_a_terminal(pushed, "pass")
    assert re.search(r"\x1b\[2K +two #1: greet \S*0:00:0\d", shown)
    assert "two #1: greet: started (attempt 1)\r\n" in shown
    assert shown.rstrip().endswith("1 started, 1 published, 0 still open")


def test_no_color_is_honoured_on_a_terminal(pushed):
    shown = on_a_terminal(pushed, "pass", NO_COLOR="1")
    assert "two #1: greet: started" in shown
    assert not re.search(r"\x1b\[[0-9;]*m", shown)


def test_a_dumb_terminal_gets_plain_lines(pushed):
    assert "\x1b" not in on_a_terminal(pushed, "pass", TERM="dumb")


def test_a_step_that_an_earlier_pass_started_is_on_the_board(place):
    gate = place.root / "gate"
    place.push(slow=one("slow", f"until [ -e {gate} ]; do sleep 0.05; done"))
    place.run("pass", "--pass-budget", "0s")
    gate.touch()
    assert "slow #1: only" in on_a_terminal(place, "pass")


def test_when_no_workflow_is_left_it_says_so_and_that_the_runs_go_on(place):
    place.push(fine=one("fine", "true", "  on: {change: false}\n"), other=one("other", "true"))
    place.run("pass")
    (place.clone / "workflows" / "other.yaml").unlink()
    place.push(fine="a: [\n")
    revision = place.git("rev-parse", "HEAD").strip()[:12]
    assert (
        f"no workflow is left at {revision}: 2 were deleted, or are in a file with problems; "
        "runs in flight go on, nothing is cancelled"
    ) in call(place, "pass").err.splitlines()


def test_json_is_one_object_per_event_and_follows_its_schema(pushed):
    pushed.push(failing=FAILING, typo=one("typo", "true").replace("steps", "stps"))
    events = [json.loads(line) for line in call(pushed, "pass", "--logging-format", "json").err.splitlines()]
    for event in events:
        follows_the_schema(event, "summary" if event["event"] == "summary" else "event")
    kinds = [event["event"] for event in events]
    assert {"problem", "run-started", "attempt-started", "step-ended", "run-ended", "published"} <= set(kinds)
    assert kinds[-1] == "summary"
    assert {e["level"] for e in events if e["event"] == "problem"} == {"warning"}


def test_levels_choose_what_is_worth_a_line(place):
    place.push(one=one("one", "true"), typo=one("typo", "true").replace("steps", "stps"))
    lines = call(place, "pass", "--logging-level", "warning").err.splitlines()
    assert all("workflows/typo.yaml" in line for line in lines[:-1])
    assert lines[-1].startswith("pass at ")
    place.push(one=one("one", "echo"))
    assert call(place, "pass", RECONCILER_LOGGING_LEVEL="error").err == ""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_pass_with_nothing_to_do_speaks_the_same_language(pushed, form):
    words = ("pass", "--logging-format", form)
    call(pushed, *words)
    err = call(pushed, *words).err
    assert "nothing to do at " in err
    if form == "json":
        follows_the_schema(json.loads(err), "summary")
    assert call(pushed, *words, "--logging-level", "error").err == ""


def test_flags_are_understood_whether_or_not_there_is_something_to_do(pushed):
    """The short cut for idle passes reads the same flags as the real command line."""
    call(pushed, "pass", "--executor-hide", "/srv,/opt", "--limits-file-bytes=2MiB")
    assert (
        "nothing to do"
        in call(pushed, "pass", "--executor-hide", "/srv,/opt", "--limits-file-bytes=2MiB").err
    )
    for words in (["--executor-hide"], ["--executor-slots", "none"], ["--nope", "1"], ["surplus"]):
        call(pushed, "pass", *words, code=2)


def test_hostile_words_of_others_are_made_visible(place):
    place.push(one=one("one", "true", '  parameters: {"\\e[31mred": {type: string}}\n'))
    assert "\x1b" not in call(place, "pass").err
