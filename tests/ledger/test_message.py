"""Commit messages: readable, bounded, and nothing in them can be forged."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ledger.message import render, subject
from reconciler.ledger.plain import line, unline
from reconciler.ledger.record import to_record
from reconciler.ledger.restore import from_record
from reconciler.ledger.shelf import made
from reconciler.ledger.trailers import parse, trailers
from reconciler.model.ledger import LedgerCommit
from reconciler.model.run import Outputs, Phase
from tests.chance import examples
from tests.ledger import sample
from tests.ledger.strategies import runs, text

GIVEN_BACK = ("id", "name", "number", "revision", "trigger", "phase", "reason")


@pytest.fixture(name="succeeded")
def a_run_that_succeeded():
    return next(record for record in sample.runs(["train"], 40) if record["phase"] == "Succeeded")


@pytest.fixture(name="failed")
def a_run_that_failed():
    return next(
        record for record in sample.runs(["churn", "ingest", "train"], 24) if record["phase"] == "Failed"
    )


def test_the_whole_message_of_a_failed_run(failed):
    prepared, trained = (
        f"sha256:{artifact['sha256'][:16]} {artifact['size']} {failed['store']['links']}{artifact['path']}"
        for _, artifact in made(failed)
    )
    assert render(failed) == (
        "train #2: Failed in 1m51s (step score: ExitCode 1)\n"
        "\n"
        "  step     phase      attempts  took   message\n"
        "  prepare  Succeeded  1         17s\n"
        "  train    Succeeded  1         9.6s\n"
        "  score    Failed     2         1m24s  ExitCode: exit code 1\n"
        "  report   Skipped    0         -      UpstreamFailed: step 'score' failed\n"
        "\n"
        "  All of it, with every checksum in full, is in the run.json that this commit wrote.\n"
        "\n"
        f"Run-Id: {failed['id']}\n"
        "Workflow: train\n"
        "Run-Number: 2\n"
        f"Revision: {failed['revision']}\n"
        "Trigger: change\n"
        "Phase: Failed\n"
        "Reason: StepFailed\n"
        f"Started-At: {failed['startedAt']}\n"
        f"Digest: {failed['digest'][:23]}\n"
        f"Duration: {failed['duration']:.3f}s\n"
        "Steps: 2 Succeeded, 1 Failed, 1 Skipped\n"
        f"Artifact: prepare/customers {prepared}\n"
        f"Artifact: train/model {trained}\n"
        "Engine: reconciler 0.1.0\n"
    )


def test_the_results_of_a_run_come_first_among_its_artifacts(succeeded):
    lines = [value for key, value in trailers(succeeded) if key == "Artifact"]
    assert [value.split()[0] for value in lines] == ["train/model", "prepare/customers", "report/chart"]


@pytest.mark.parametrize(
    ("name", "duration", "reason", "expected"),
    [
        ("train", 192.3, "", "train #12: Failed in 3m12s (step score: ExitCode 1)"),
        ("train", 0.004, "RunTimedOut", "train #12: Failed in 4ms (RunTimedOut)"),
        ("train", None, "", "train #12: Failed (step score: ExitCode 1)"),
        ("a" * 63, 192.3, "", "a" * 47 + r"\..." + " #12: Failed in 3m12s"),
        ("nightly-fix", 1.0, "X", "nightly-fix run 12: Failed in 1.0s (X)"),
        ("fixes", 1.0, "X", "fixes run 12: Failed in 1.0s (X)"),
        ("---", 1.0, "X", '"---" #12: Failed in 1.0s (X)'),
        ("prefix", 1.0, "X", "prefix #12: Failed in 1.0s (X)"),
    ],
)
def test_the_subject_says_what_ended_how_and_why(failed, name, duration, reason, expected):
    record = {
        **failed,
        "workflow": name,
        "number": 12,
        "reason": reason or "StepFailed",
        "duration": duration,
    }
    if duration is None:
        del record["duration"]
    assert subject(record) == expected
    assert len(expected) <= 72


def test_a_failure_that_was_allowed_is_not_the_reason(failed):
    score = {**failed["steps"]["score"], "continueOnFailure": True}
    record = {**failed, "steps": {**failed["steps"], "score": score, "late": failed["steps"]["score"]}}
    assert subject(record).endswith("(step late: ExitCode 1)")


def test_the_table_of_a_thousand_steps_has_twenty_lines_and_shows_the_failures(succeeded, failed):
    good, bad = succeeded["steps"]["train"], failed["steps"]["score"]
    steps = {f"work-{number}": bad if number in (7, 977) else good for number in range(1000)}
    body = render({**succeeded, "steps": steps}).split("\n\n")[1].split("\n")
    assert len(body) == 22
    assert body[-1] == "  ... and 980 more"
    assert [row.split()[0] for row in body if "Failed" in row] == ["work-7", "work-977"]


def test_a_message_is_bounded_whatever_a_run_gave(succeeded):
    run = from_record(succeeded)
    values = {f"value{number}": "x" * 4000 for number in range(500)}
    step = run.steps["train"]
    many = {f"file{number}": step.outputs.artifacts["model"] for number in range(500)}
    wide = run.with_step(step.with_attempt(replace(step.attempts[-1], outputs=Outputs({}, many))))
    message = render(to_record(replace(wide, outputs=Outputs(values)), {}))
    assert len(message) < 12_000
    assert "\nOutputs-Not-Listed: 480\n" in message
    assert "\nArtifacts-Not-Listed: 482\n" in message


def test_parse_restores_what_the_trailers_hold(succeeded):
    run = from_record(succeeded)
    wanted = replace(
        run,
        digest=run.digest[:23],
        created_at=run.started_at,
        path="",
        message="",
        parameters={},
        parts={},
        steps={},
        outputs=Outputs({"accuracy": run.outputs.parameters["accuracy"]}),
    )
    assert parse(render(succeeded)) == wanted


def test_output_values_keep_their_type_in_a_trailer(succeeded):
    values = {
        "a": 1,
        "b": 1.5,
        "c": "1",
        "d": "true",
        "e": True,
        "f": None,
        "g": ["x"],
        "h": {"k": 1},
        "i": "plain",
        "j": "",
    }
    run = replace(from_record(succeeded), outputs=Outputs(values))
    assert parse(render(to_record(run, {}))).outputs == Outputs(values)


@pytest.mark.parametrize(
    "message", ["", "\n", "fix: a bug\n\nSigned-off-by: A <a@example.com>\n", "x\n\nRun-Id: a\n"]
)
def test_a_message_of_somebody_else_is_not_a_run(message):
    assert parse(message) is None


def test_trailers_that_a_person_added_do_not_hide_the_run(succeeded):
    assert parse(render(succeeded) + "Signed-off-by: A <a@example.com>\n") == parse(render(succeeded))


@examples(300)
@given(text)
def test_a_line_is_one_harmless_line_and_comes_back(free):
    shown = line(free, 5000)
    assert unline(shown) == free
    assert shown == shown.strip()
    assert all(character == " " or unicodedata.category(character)[0] in "LMNPS" for character in shown)


@examples(300)
@given(text, st.integers(8, 60))
def test_a_line_keeps_to_its_limit(free, limit):
    assert len(line(free, limit)) <= limit


@pytest.mark.parametrize(
    ("free", "shown"),
    [
        ("exit code 1", "exit code 1"),
        ("größer als 3 µm, 中文", "größer als 3 µm, 中文"),
        ("a\nPhase: Succeeded", r"a\nPhase: Succeeded"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\x85b\u2028c\u202ed\u2066e\x00f\rg", r"a\x85b\u2028c\u202ed\u2066e\x00f\rg"),
        ("\ud800\U0001f600", r"\ud800\U0001f600"),
        (
            "[skip ci] [CI SKIP] [no ci] [skip actions] [ci-skip]",
            r"\x5bskip ci] \x5bCI SKIP] \x5bno ci] \x5bskip actions] \x5bci-skip]",
        ),
        ("[1, 2, 3]", "[1, 2, 3]"),
        ("***NO_CI***", r"\x2a**NO_CI***"),
        (
            "thanks @octocat, a@b.example, image@sha256:ab",
            r"thanks \x40octocat, a@b.example, image@sha256:ab",
        ),
        ("fixes #12, GH-12, o/r#3, !7", r"fixes \x2312, GH\x2d12, o/r\x233, \x217"),
        (
            "closes https://forge.example.com/o/r/issues/12",
            r"closes https://forge.example.com/o/r/issues\x2f12",
        ),
        ("back\\slash", "back\\\\slash"),
        (" x ", r"\x20x\x20"),
        ("zero\u200bwidth\u00adhyphen\ufeff", r"zero\u200bwidth\xadhyphen\ufeff"),
    ],
)
def test_row_18_and_19_what_hosts_and_terminals_act_upon_is_escaped(free, shown):
    assert line(free) == shown
    assert unline(shown) == free


@examples(12)
@given(st.lists(runs(), min_size=1, max_size=30))
def test_row_18_git_reads_exactly_our_trailers_whatever_the_fields_hold(tmp_path_factory, many):
    """Many messages a repository, so that one run of git reads them all."""
    records = [to_record(run, {}) for run in many]
    messages = [render(record) for record in records]
    wanted = ["".join(f"{key}: {value}\n" for key, value in trailers(record)) for record in records]

    directory = tmp_path_factory.mktemp("row18")
    sample.new_ledger(directory, [LedgerCommit(message, 1_700_000_000, {}) for message in messages])
    log = sample.git(directory, "log", "--reverse", "--format=%(trailers:only=no)%x01", sample.BRANCH)
    assert [entry.strip("\n") + "\n" for entry in log.split("\x01")[:-1]] == wanted

    for number, message in enumerate(messages):
        (directory / f"{number}.txt").write_bytes(message.encode())
    files = [f"{number}.txt" for number in range(len(messages))]
    assert sample.git(directory, "interpret-trailers", "--parse", *files) == "".join(wanted)


@examples(12)
@given(st.lists(runs(), min_size=1, max_size=30))
def test_row_18_every_field_of_identity_comes_back_from_git(tmp_path_factory, many):
    directory = tmp_path_factory.mktemp("row18")
    commits = [LedgerCommit(render(to_record(run, {})), 1_700_000_000, {}) for run in many]
    sample.new_ledger(directory, commits)
    bodies = sample.git(directory, "log", "--reverse", "--format=%B%x01", sample.BRANCH).split("\x01")[:-1]
    for run, body in zip(many, bodies, strict=True):
        found = parse(body.lstrip("\n"))
        assert found is not None
        for field in GIVEN_BACK:
            assert getattr(found, field) == getattr(run, field), field
        assert found.digest == run.digest[:23]
        assert found.started_at == run.started_at
        if run.duration:
            assert found.finished_at == run.finished_at


@examples(60)
@given(runs())
def test_row_19_nothing_in_a_message_can_move_a_cursor_or_turn_text_around(run):
    message = render(to_record(run, {}))
    assert all(c in "\n " or unicodedata.category(c)[0] in "LMNPS" for c in message)
    assert not re.search(r"(?m)^(---|diff -|Index: |From )", message)
    assert not re.search(r"(?i)\[(skip ci|ci skip)\]|\*\*\*no_ci|(?<![A-Za-z0-9])@everyone", message)


@examples(60)
@given(runs())
def test_a_message_is_a_subject_a_table_and_trailers(run):
    record = to_record(run, {})
    first, *middle, last = render(record).removesuffix("\n").split("\n\n")
    assert "\n" not in first
    assert len(first) <= 72
    assert all(row.startswith("  ") for part in middle for row in part.split("\n"))
    assert len(middle) == (2 if run.steps else 1)
    assert f"Phase: {Phase(record['phase'])}" in last.split("\n")
