"""Whatever a person or the world does: a sentence, an exit code, and never a traceback."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from reconciler import cli
from reconciler.cli import schema_command
from reconciler.state.lock import PassLock
from tests.cli.command import PROGRAM, call, follows_the_schema
from tests.cli.definitions import one

LOOKING = [["runs"], ["show", "one"], ["logs", "one", "only"], ["artifacts", "one"], ["plan"]]


@pytest.fixture
def done(place):
    place.push(one=one("one", "echo hello"))
    place.run("pass")
    return place


@pytest.mark.parametrize("command", ["pass", "rebuild"])
def test_75_names_the_pass_that_is_at_work(done, command):
    with PassLock(done.state / "lock"):
        err = call(done, command, code=75).err
    assert "another pass is at work: pid " in err


def test_75_while_a_pass_goes_on_that_first_looked_whether_there_is_anything_to_do(done):
    gate = done.root / "gate"
    assert "nothing to do" in call(done, "pass").err
    done.push(one=one("one", f"until [ -e {gate} ]; do sleep 0.05; done"))
    process = done.start("pass")
    assert any("only: started" in line for line in process.stderr)
    assert "another pass is at work" in call(done, "pass", code=75).err
    gate.touch()
    assert "1 published" in process.communicate()[1]
    assert process.returncode == 0
    assert "nothing to do" in call(done, "pass").err


def test_a_pass_that_cannot_work_says_so_in_json_too(done):
    with PassLock(done.state / "lock"):
        event = json.loads(call(done, "pass", "--logging-format", "json", code=75).err)
    follows_the_schema(event, "event")
    assert (event["level"], event["event"]) == ("error", "failed")


def test_looking_needs_no_lock(done):
    with PassLock(done.state / "lock"):
        for words in LOOKING:
            call(done, *words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_130_after_a_signal_and_the_step_goes_on(place, number):
    gate, begun = place.root / "gate", place.root / "begun"
    place.push(slow=one("slow", f"echo > {begun}; until [ -e {gate} ]; do sleep 0.05; done"))
    process = place.start("pass")
    assert process.stderr is not None
    assert any("only: started" in line for line in process.stderr)
    process.send_signal(number)
    err = process.communicate()[1]
    assert process.returncode == 130, err
    assert "1 still open" in err
    gate.touch()
    assert "slow #1: Succeeded" in place.run("pass")


def test_3_for_a_bug_with_a_report_in_a_file(monkeypatch, capsys, tmp_path):
    def broken(name: str) -> str:
        raise ZeroDivisionError("a planted bug")

    monkeypatch.setattr(schema_command.share, "schema_text", broken)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert cli.run(["schema"]) == 3
    err = capsys.readouterr().err
    assert "this is a bug" in err
    assert "Traceback" not in err
    assert "a planted bug" in Path(err.split()[-1]).read_text()


@pytest.mark.parametrize(
    "words",
    [["pass", "--nope"], ["show"], ["runs", "--limit", "0"], ["pass", "--executor-name", "moon"], ["nope"]],
    ids=" ".join,
)
def test_2_for_wrong_usage(place, words):
    call(place, *words, code=2)


def test_2_for_wrong_settings_all_of_them_at_once(place):
    err = call(place, "pass", code=2, RECONCILER_EXECUTOR_SLOTS="many", RECONCILER_PAS_BUDGET="1").err
    assert "executor.slots must be" in err
    assert "RECONCILER_PAS_BUDGET: there is no such setting. Did you mean" in err


def test_1_for_a_remote_that_does_not_answer(place):
    missing = {"RECONCILER_REPOSITORY_URL": str(place.root / "nowhere.git")}
    for words in (["pass"], ["rebuild"], ["plan"], ["doctor"]):
        assert "nowhere.git" in "".join(
            call(place, *words, code=1, **missing).__dict__[k] for k in ("out", "err")
        )


def test_a_state_of_a_newer_release_is_left_alone(done):
    with sqlite3.connect(done.state / "state.db") as database:
        database.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('reconciler', 'later', '2999-01-01')"
        )
        (count,) = database.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()
        database.execute(f"PRAGMA user_version = {count}")
    database.close()
    for words in LOOKING:
        assert "newer release" in call(done, *words, code=1).err


def test_a_damaged_state_says_how_to_make_it_anew(done):
    (done.state / "state.db").write_bytes(b"not a database at all" * 1000)
    for suffix in ("-wal", "-shm"):
        (done.state / f"state.db{suffix}").unlink(missing_ok=True)
    for words in LOOKING:
        assert "rebuild" in call(done, *words, code=1).err


def test_rebuild_makes_a_damaged_state_anew(done):
    (done.state / "state.db").write_bytes(b"not a database at all" * 1000)
    document = call(done, "rebuild", "-o", "json").json
    follows_the_schema(document, "rebuild")
    assert (document["restored"], document["inFlight"]) == (1, 0)
    assert call(done, "logs", "one", "only").out == "hello\n"


def test_a_state_directory_that_is_a_file_is_told(place):
    place.push(one=one("one", "true"))
    place.state.write_text("")
    for words in [*LOOKING[:-1], ["pass"], ["doctor"], ["rebuild"]]:
        done = call(place, *words, code=1)
        assert str(place.state) in done.out + done.err
    call(place, "plan")


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap makes directories read-only for root too")
def test_a_read_only_state_can_be_looked_at_and_nothing_else(done):
    done.push(one=one("one", "echo changed"))
    state = str(done.state)
    guard = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", state, state]

    def run(words):
        command = [*guard, *PROGRAM, *words]
        return subprocess.run(
            command, env=done.env, cwd=done.root, capture_output=True, text=True, check=False
        )

    for words in LOOKING:
        assert run(words).returncode == 0
    for words in (["pass"], ["rebuild"], ["doctor"]):
        ended = run(words)
        assert ended.returncode == 1
        assert state in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr


def test_output_that_cannot_be_written_is_no_bug(place):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, "schema"],
            env=place.env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "Error: what was to be printed cannot be written: No space left on device\n",
    )
