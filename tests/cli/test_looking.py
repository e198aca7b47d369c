"""runs, show, logs, artifacts: what a person asks after a pass."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import pytest

from tests.cli.command import PROGRAM, call, follows_the_schema, on_a_terminal
from tests.cli.definitions import one


def test_runs_lists_the_newest_first_and_the_json_follows_its_schema(past):
    lines = call(past, "runs").out.splitlines()
    assert lines[0].split() == ["RUN", "PHASE", "STARTED", "TOOK", "TRIGGER", "REVISION"]
    assert sorted(line.split()[:3] for line in lines[1:]) == [
        ["failing", "#1", "Failed"],
        ["two", "#1", "Succeeded"],
    ]
    document = call(past, "runs", "--output", "json").json
    follows_the_schema(document, "runList")
    assert {run["workflow"] for run in document["runs"]} == {"two", "failing"}


def test_runs_are_chosen_by_workflow_phase_and_limit(past):
    def names(*words):
        return [run["workflow"] for run in call(past, "runs", *words, "-o", "json").json["runs"]]

    assert names("two") == ["two"]
    assert names("--phase", "failed") == ["failing"]
    assert len(names("--limit", "1")) == 1
    assert names("--phase", "Running") == []


def test_a_workflow_that_never_ran_is_told_with_a_guess(past):
    assert "Did you mean 'failing'?" in call(past, "runs", "faling", code=1).err
    assert "Did you mean 'two'?" in call(past, "show", "twoo", code=1).err
    assert "the newest is #1" in call(past, "show", "two", "7", code=1).err


@pytest.mark.parametrize("command", [["show", "two"], ["artifacts", "two"], ["logs", "two"]], ids=" ".join)
def test_a_number_larger_than_any_run_has_is_refused_as_it_was_typed(past, command):
    step = ["greet"] if command[0] == "logs" else []
    largest, larger = "9" * 18, "9" * 5_000
    assert f"no run two #{largest}; the newest is #1." in call(past, *command, largest, *step, code=1).err
    refusal = f"no run two #{'9' * 18}...: no number is that large."
    assert refusal in call(past, *command, larger, *step, code=1).err


@pytest.mark.parametrize("words", [["two"], ["two", "1"], ["two#1"], ["two", "#1"]], ids=" ".join)
def test_a_run_is_named_in_the_ways_that_people_write_it(past, words):
    assert call(past, "show", *words).out.startswith("two #1: Succeeded\n")


def test_show_tells_steps_values_and_artifacts(past):
    shown = call(past, "show", "two").out
    assert re.search(r"^  greet +Succeeded ", shown, re.MULTILINE)
    assert re.search(r"^  never +Skipped +- +ConditionFalse: ", shown, re.MULTILINE)
    assert re.search(r"^  whom +world$", shown, re.MULTILINE)
    assert re.search(r"^  greet/length +5$", shown, re.MULTILINE)
    assert re.search(r"^  greet/greeting +12 B ", shown, re.MULTILINE)
    assert re.search(
        r"^  wrong +Failed .* attempt 2 +ExitCode: ", call(past, "show", "failing").out, re.MULTILINE
    )


@pytest.mark.parametrize("workflow", ["two", "failing"])
def test_the_json_of_show_is_the_record_of_the_ledger(past, workflow):
    document = call(past, "show", workflow, "-o", "json").json
    follows_the_schema(document, "record")
    assert document == json.loads(past.ledger_file(f"{workflow}/run.json"))


def test_logs_are_byte_for_byte_in_a_pipe_and_harmless_on_a_terminal(past):
    assert call(past, "logs", "two", "greet").out == "hello world\n"
    assert call(past, "logs", "failing", "1", "wrong", "--attempt", "1").out == "so \x1b[31mbad\x1b[0m\n"
    assert on_a_terminal(past, "logs", "failing", "wrong") == "so \\x1b[31mbad\\x1b[0m\r\n"


def test_logs_of_what_did_not_run_say_why(past):
    assert "Skipped with no attempt (ConditionFalse:" in call(past, "logs", "two", "never", code=1).err
    assert "Did you mean 'greet'?" in call(past, "logs", "two", "great", code=1).err
    assert "2 attempts" in call(past, "logs", "failing", "wrong", "--attempt", "9", code=1).err
    assert "Missing the name of a step" in call(past, "logs", "two", "1", code=2).err


def test_a_running_step_is_followed_to_its_end(place):
    gate = place.root / "gate"
    os.mkfifo(gate)
    place.push(slow=one("slow", f"echo begun; cat {gate}; echo done"))
    place.run("pass", "--pass-budget", "0s")
    log = [*PROGRAM, "logs", "slow", "only", "--follow"]
    reader = subprocess.Popen(log, env=place.env, cwd=place.root, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "begun\n"
    gate.write_text("through\n")
    place.run("pass")
    assert reader.communicate()[0] == "through\ndone\n"
    assert reader.returncode == 0


def test_following_ends_by_ctrl_c_with_130(place):
    gate = place.root / "gate"
    os.mkfifo(gate)
    place.push(slow=one("slow", f"echo begun; cat {gate}"))
    place.run("pass", "--pass-budget", "0s")
    log = [*PROGRAM, "logs", "slow", "only", "-f"]
    pipe = subprocess.PIPE
    reader = subprocess.Popen(log, env=place.env, cwd=place.root, stdout=pipe, stderr=pipe, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "begun\n"
    reader.send_signal(signal.SIGINT)
    assert "Traceback" not in reader.communicate()[1]
    assert reader.returncode == 130
    gate.write_text("")
    place.run("pass")


def test_artifacts_are_listed_with_size_sha256_and_link(past):
    listed = call(past, "artifacts", "two").out
    assert re.search(
        r"^  greet/greeting +12 B +[0-9a-f]{12}  file:///\S+/greet/1/artifacts/greeting$", listed, re.M
    )
    document = call(past, "artifacts", "two", "-o", "json").json
    follows_the_schema(document, "artifactList")
    assert [each["name"] for each in document["artifacts"]] == ["greet/greeting", "keep/all", "greeting"]


def test_artifacts_are_fetched_as_files_and_directories(past, tmp_path):
    call(past, "artifacts", "two", "greet/greeting", "--get", str(tmp_path / "there.txt"))
    assert (tmp_path / "there.txt").read_text() == "hello world\n"
    call(past, "artifacts", "two", "greeting", "--get", str(tmp_path))
    assert (tmp_path / "greeting").read_text() == "hello world\n"
    call(past, "artifacts", "two", "--get", str(tmp_path / "all"))
    assert sorted(
        str(p.relative_to(tmp_path / "all")) for p in (tmp_path / "all").rglob("*") if p.is_file()
    ) == [
        "greet/greeting",
        "keep/all/one",
        "keep/all/two",
    ]


def test_an_artifact_that_was_changed_is_never_handed_out(place, tmp_path):
    place.push(one=one("one", "echo x > out") + "      outputs: {artifacts: {out: {path: out}}}\n")
    place.run("pass")
    stored = next(place.state.glob("artifacts/runs/one/*/only/1/artifacts/out"))
    stored.write_text("y\n")
    done = call(place, "artifacts", "one", "only/out", "--get", str(tmp_path / "out"), code=1)
    assert "sha256" in done.err
    assert not (tmp_path / "out").exists()


def test_an_artifact_that_does_not_exist_is_guessed(past):
    assert "Did you mean 'greet/greeting'?" in call(past, "artifacts", "two", "greet/greting", code=1).err


@pytest.mark.parametrize("words", [["runs"], ["show", "two"], ["logs", "two", "greet"], ["artifacts", "two"]])
def test_without_a_state_each_says_where_to_look(place, words):
    err = call(place, *words, code=1).err
    assert "There is no state at" in err
    assert "reconciler rebuild" in err
    assert "git log runs" in err


def test_a_reader_that_leaves_early_is_no_error_to_talk_about(past):
    line = f"{' '.join(PROGRAM)} show two | head -n 1"
    done = subprocess.run(
        ["sh", "-c", line], env=past.env, cwd=past.root, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("two #1: Succeeded\n", "")


def test_a_reader_that_leaves_a_long_log_is_no_error_either(place):
    place.push(long=one("long", "yes line | head -n 500000"))
    place.run("pass")
    line = f"{' '.join(PROGRAM)} logs long only | head -n 1"
    done = subprocess.run(
        ["sh", "-c", line], env=place.env, cwd=place.root, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("line\n", "")


def test_colour_is_for_terminals_that_want_it(past):
    assert "\x1b[32mSucceeded" in on_a_terminal(past, "runs")
    assert "\x1b" not in on_a_terminal(past, "runs", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(past, "runs", TERM="dumb")
    assert "\x1b" not in call(past, "runs").out
