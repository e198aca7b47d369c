"""Row 17: a secret that a step gave away does not reach the history."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.ledger import message, page
from reconciler.ledger.mask import mask, masked
from reconciler.ledger.record import dumps, to_record
from reconciler.ledger.restore import from_record
from reconciler.model.run import Outputs
from tests.chance import examples
from tests.ledger import sample
from tests.ledger.strategies import runs
from tests.ledger.test_record import SCHEMA

SECRET = "hunter2-very-secret"


def leaky(**changes):
    run = from_record(next(record for record in sample.runs(["train"], 40) if record["phase"] == "Succeeded"))
    return replace(run, **changes)


def everything_made_of(record):
    return dumps(record).decode() + message.render(record) + page.render(record)


def test_row_17_a_secret_in_messages_outputs_and_artifact_names_is_nowhere():
    run = leaky(
        message=f"token {SECRET} refused",
        parameters={"token": SECRET, "deep": {SECRET: [SECRET]}},
        outputs=Outputs({"echo": f"--{SECRET}--", SECRET: 1}),
    )
    step = run.steps["train"]
    model = step.outputs.artifacts["model"]
    named = replace(model, name=SECRET, key=model.key + SECRET)
    attempt = replace(step.attempts[-1], message=SECRET, outputs=Outputs({"x": SECRET}, {SECRET: named}))
    run = run.with_step(replace(step.with_attempt(attempt), reason=SECRET))
    clean = masked(to_record(run, {named.key: f"https://store.example/{named.key}"}), [SECRET])
    assert SECRET not in everything_made_of(clean)
    assert clean["parameters"] == {"deep": {"***": ["***"]}, "token": "***"}
    Draft202012Validator(SCHEMA).validate(clean)


def test_row_17_a_number_that_is_a_secret_is_masked_as_a_value():
    clean = masked(to_record(leaky(parameters={"pin": 482913, "share": 0.25}), {}), ["482913", "0.25"])
    assert clean["parameters"] == {"pin": "***", "share": "***"}


def test_row_17_a_secret_that_was_cut_in_the_middle_is_masked():
    run = leaky(parameters={"big": "x" * 4090 + SECRET + "y" * 100})
    assert masked(to_record(run, {}), [SECRET])["parameters"]["big"] == "x" * 4090 + "*** ... (cut)"


def test_row_17_the_lines_of_a_key_file_are_masked_one_by_one():
    assert (
        mask("read MIIEvQIBADANBg from disk", ["-----BEGIN-----\nMIIEvQIBADANBg\n-----END-----\n"])
        == "read *** from disk"
    )


def test_row_17_the_longer_of_two_secrets_goes_first():
    assert mask("abcdef abc", ["abc", "abcdef"]) == "*** ***"


def test_two_names_that_become_the_same_stay_two():
    clean = masked(to_record(leaky(parameters={"s1": 1, "s2": 2}), {}), ["s1", "s2"])
    assert sorted(clean["parameters"].values()) == [1, 2]


def test_identity_times_and_checksums_stay():
    run = leaky()
    record = to_record(run, {})
    clean = masked(record, ["train", run.id, run.revision, "2026", "Succeeded"])
    for field in ("id", "workflow", "number", "revision", "digest", "phase", "createdAt", "finishedAt"):
        assert clean[field] == record[field]


@examples(60)
@given(runs(), st.lists(st.text(max_size=3), max_size=3))
def test_a_masked_record_is_still_a_record_and_no_secret_masks_nothing(run, secrets):
    record = to_record(run, {})
    assert masked(record, []) == record
    Draft202012Validator(SCHEMA).validate(masked(record, secrets))
