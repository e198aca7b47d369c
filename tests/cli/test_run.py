"""`reconciler run`: a definition of the working tree, tried before it is pushed."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.cli.command import PROGRAM, call, follows_the_schema
from tests.cli.definitions import FAILING, TWO_STEPS, one


@pytest.fixture
def checkout(place):
    place.write("names.txt", "Ada\n")
    place.write("workflows/two.yaml", TWO_STEPS)
    return place


def test_it_runs_without_commit_ledger_and_state(checkout):
    done = call(checkout, "run", "workflows/two.yaml")
    assert "two #1: Succeeded" in done.out
    assert "two #1: greet: started (attempt 1)\n" in done.err
    assert checkout.history() == []
    assert not checkout.state.exists()


def test_what_it_leaves_is_told_and_git_does_not_see_it(checkout):
    done = call(checkout, "run", "workflows/two.yaml")
    left = checkout.clone / done.out.splitlines()[-1].strip()
    (greeting,) = left.glob("artifacts/runs/two/*/greet/1/artifacts/greeting")
    assert greeting.read_text() == "hello world\n"
    assert checkout.git("status", "--short", "--untracked-files=all").splitlines() == [
        "?? names.txt",
        "?? workflows/two.yaml",
    ]
    again = call(checkout, "run", "workflows/two.yaml")
    assert again.out.splitlines()[-1] != done.out.splitlines()[-1]


def test_parameters_have_the_types_that_are_declared(checkout):
    document = call(
        checkout, "run", "workflows/two.yaml", "-p", "times=3", "-p", "whom=a=b", "-o", "json"
    ).json
    follows_the_schema(document, "record")
    assert document["parameters"] == {"whom": "a=b", "times": 3}
    for wrong, said in {
        "times=0": "times",
        "times=x": "times",
        "tims=1": "no parameter 'tims'",
        "times": "NAME=VALUE",
    }.items():
        assert said in call(checkout, "run", "workflows/two.yaml", "-p", wrong, code=2).err


def test_a_run_that_fails_ends_with_1_and_shows_what_its_steps_wrote(checkout):
    checkout.write("workflows/failing.yaml", FAILING)
    done = call(checkout, "run", "workflows/failing.yaml", code=1)
    assert "failing #1: Failed" in done.out
    assert "so \\x1b[31mbad" in done.out
    assert "attempt 2" in done.out


def test_a_definition_with_problems_is_not_run(checkout):
    checkout.write("workflows/typo.yaml", one("typo", "true").replace("command:", "comand:"))
    err = call(checkout, "run", "workflows/typo.yaml", code=1).err
    assert "workflows/typo.yaml:7:7" in err
    assert "cannot run" in err


def test_of_several_workflows_in_a_file_one_is_chosen(checkout):
    checkout.write("workflows/pair.yaml", f"{one('first', 'true')}---\n{one('second', 'true')}")
    assert "defines first, second" in call(checkout, "run", "workflows/pair.yaml", code=2).err
    assert "second #1: Succeeded" in call(checkout, "run", "workflows/pair.yaml", "--name", "second").out
    err = call(checkout, "run", "workflows/pair.yaml", "--name", "secnd", code=2).err
    assert "Did you mean 'second'?" in err


def test_ctrl_c_stops_the_steps_and_ends_with_130(checkout):
    gate = checkout.root / "gate"
    os.mkfifo(gate)
    checkout.write("workflows/slow.yaml", one("slow", f"echo begun > {gate}; exec sleep 600"))
    command = [*PROGRAM, "run", "workflows/slow.yaml"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, env=checkout.env, cwd=checkout.clone, stdout=pipe, stderr=pipe, text=True
    )
    assert gate.read_text() == "begun\n"  # the step runs
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "slow #1: Cancelled" in out
    assert "Traceback" not in err


def test_a_directory_that_cannot_be_written_is_told(checkout):
    (checkout.clone / ".reconciler").write_text("not a directory")
    assert "Cannot write below" in call(checkout, "run", "workflows/two.yaml", code=1).err
