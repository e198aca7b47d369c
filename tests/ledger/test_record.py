"""A run becomes a record and comes back; the record is what its schema says."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from reconciler.ledger.record import dumps, to_record
from reconciler.ledger.restore import from_record, loads
from reconciler.ledger.shelf import key, link, made
from reconciler.model.run import Artifact
from reconciler.model.workflow import Step, Workflow
from tests.chance import examples
from tests.ledger import sample
from tests.ledger.strategies import runs

SCHEMA = json.loads(Path("schemas/record.schema.json").read_text())
VALID = Draft202012Validator(SCHEMA)


@pytest.fixture(name="record")
def a_record():
    return next(record for record in sample.runs(["train"], 40) if record["phase"] == "Succeeded")


@examples(80)
@given(runs())
def test_a_run_comes_back_from_its_bytes_as_it_was(run):
    assert from_record(loads(dumps(to_record(run, {})))) == with_short_log_sums(run)


def with_short_log_sums(run):
    for step in run.steps.values():
        for attempt in step.attempts:
            if attempt.log:
                log = replace(attempt.log, sha256=attempt.log.sha256[:16])
                numbered = {each.number: each for each in step.attempts} | {
                    attempt.number: replace(attempt, log=log)
                }
                step = replace(step, attempts=tuple(numbered.values()))
        run = run.with_step(step)
    return run


@examples(60)
@given(runs())
def test_every_record_is_valid_by_the_schema(run):
    VALID.validate(loads(dumps(to_record(run, {"\ud800": "x"}))))


@examples(60)
@given(runs())
def test_row_19_the_bytes_of_a_record_hold_no_control_character(run):
    content = dumps(to_record(run, {}))
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in content)
    assert content.endswith(b"}\n")


def test_the_same_run_gives_the_same_bytes_whatever_the_order_of_its_values(record):
    run = from_record(record)
    turned = replace(
        run,
        parameters=dict(reversed(run.parameters.items())),
        parts=dict(reversed(run.parts.items())),
    )
    assert dumps(to_record(run, {})) == dumps(to_record(turned, {}))


def test_definition_bundles_and_log_text_are_left_out(record):
    run = from_record(record)
    step = next(iter(run.steps.values()))
    with_log = run.with_step(step.with_attempt(replace(step.attempts[-1], log_tail="hunter2")))
    held = replace(
        with_log,
        workflow=Workflow("train", {"kind": "hunter2"}),
        bundles={"train": Artifact("hunter2", "", 1, "")},
    )
    assert b"hunter2" not in dumps(to_record(held, {}))


def test_the_edges_of_the_graph_are_in_the_record(record):
    run = replace(
        from_record(record),
        workflow=Workflow("train", {}, steps={"train": Step("train", depends_on=("prepare",))}),
    )
    assert to_record(run, {})["steps"]["train"]["needs"] == ["prepare"]


def test_keys_and_links_are_found_again_from_their_common_beginning(record):
    run = from_record(record)
    artifacts = dict(made(record))
    assert record["store"]["links"] == f"{sample.STORE}runs/train/{run.id}/"
    assert key(record, artifacts["train/model"]) == f"runs/train/{run.id}/train/1/artifacts/model"
    assert (
        link(record, artifacts["train/model"]) == f"{sample.STORE}runs/train/{run.id}/train/1/artifacts/model"
    )
    assert record["outputs"]["artifacts"] == {"model": {"from": "train/model"}}


def test_links_that_do_not_follow_from_the_keys_are_written_out(record):
    run = from_record(record)
    model = run.steps["train"].outputs.artifacts["model"].key
    odd = to_record(run, {model: "https://elsewhere.example.com/?id=7"})
    assert "links" not in odd["store"]
    assert [link(odd, artifact) for _, artifact in made(odd)] == [
        "",
        "https://elsewhere.example.com/?id=7",
        "",
    ]


def test_a_huge_value_is_cut_and_its_length_is_kept(record):
    run = replace(
        from_record(record), parameters={"big": "x" * (16 << 20), "small": 1, "wide": list(range(10_000))}
    )
    cut = to_record(run, {})
    assert cut["parameters"]["big"] == "x" * 4096 + " ... (cut)"
    assert cut["parameters"]["small"] == 1
    assert cut["parameters"]["wide"].startswith("[0, 1, 2,")
    assert cut["cutParameters"] == {"big": 16 << 20, "wide": len(json.dumps(list(range(10_000))))}
    assert len(dumps(cut)) < 20_000


def test_many_large_values_share_a_bounded_record(record):
    run = replace(from_record(record), parameters={f"p{number}": "x" * 4000 for number in range(10_000)})
    assert len(dumps(to_record(run, {}))) < 2_000_000


def test_values_that_json_cannot_hold_are_written_as_text(record):
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    run = replace(from_record(record), parameters={"nan": float("nan"), "inf": float("inf"), "deep": deep})
    recorded = to_record(run, {})["parameters"]
    assert (recorded["nan"], recorded["inf"]) == ("nan", "inf")
    assert "(cut)" in json.dumps(recorded["deep"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"kind": "Run"}',
        b'{"kind": "Workflow"}',
        b'{"kind": "Run", "steps": [], "id": 3}',
        b'{"kind": "Run", "steps": {"a": {"phase": "Done"}}}',
    ],
)
def test_what_is_no_record_is_a_value_error_with_a_sentence(content):
    with pytest.raises(ValueError, match=r"not a run record: ."):
        from_record(loads(content))


def test_a_record_with_one_field_of_another_type_is_a_value_error_or_a_run(record):
    """Whoever can push to the ledger can write any JSON there."""
    for field in record:
        for wrong in (None, 3, "x", [1], {"a": 1}, True):
            with suppress(ValueError):
                from_record({**record, field: wrong})


def test_every_property_of_the_schema_is_strict_described_and_has_a_valid_example():
    def walk(node, place):
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert "additionalProperties" in node, place
            for key_, child in node.get("properties", {}).items():
                assert child["description"], f"{place}.{key_}"
                inner = Draft202012Validator({**child, "$defs": SCHEMA["$defs"]})
                for example in child["examples"]:
                    inner.validate(example)
            for key_, child in node.items():
                walk(child, f"{place}.{key_}")

    walk(SCHEMA, "$")


def test_a_misspelt_key_is_refused_by_the_schema(record):
    for wrong in ({**record, "phaze": "x"}, {**record, "trigger": {"kind": "change", "x": 1}}):
        assert not VALID.is_valid(wrong)
