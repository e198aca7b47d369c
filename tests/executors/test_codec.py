"""Frozen values survive the way to JSON and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.model import codec
from reconciler.model.run import (
    Artifact,
    AttemptKey,
    InputFile,
    InputText,
    Observation,
    Outputs,
    Run,
    Status,
    StepCall,
)
from reconciler.model.workflow import MISSING, ArtifactOutput, FailureClass, ParameterOutput, Retry, Workflow
from tests.executors.contract import a_run, parse

KEY = AttemptKey("demo-1-cafe", "a", 1)
ARTIFACT = Artifact("ünï", "a/b", 3, "0" * 64)

VALUES = [
    StepCall(KEY, "runs/", command=None, args=("a", ""), script="", env={"A": "\u2028"}, timeout=1.5),
    StepCall(
        KEY,
        "runs/",
        bundle=ARTIFACT,
        input_files=(InputFile("x", ARTIFACT),),
        input_texts=(InputText("y", "text\r\n"),),
        parameter_outputs=(ParameterOutput("n", "n", "number", 3), ParameterOutput("m", "m")),
        artifact_outputs=(ArtifactOutput("o", "/o", optional=True),),
    ),
    Observation(
        KEY,
        Status.ENDED,
        started_at=datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC),
        failure=FailureClass.TIMEOUT,
        outputs=Outputs({"list": [1, None, {"x": True}]}, {"a": ARTIFACT}),
    ),
    ParameterOutput("n", "n", default=None),
    ParameterOutput("n", "n", default=MISSING),
    Retry(limit=2, on=frozenset({FailureClass.TIMEOUT, FailureClass.FAILURE})),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    text = json.dumps(codec.encode(value))
    assert codec.decode(type(value), json.loads(text)) == value


def test_an_artifact_of_before_there_was_the_executable_bit_has_none() -> None:
    data = codec.encode(ARTIFACT)
    del data["executable"]
    assert codec.decode(Artifact, data) == ARTIFACT


def test_a_workflow_is_its_document() -> None:
    data = codec.encode(a_run(), {Workflow: lambda workflow: workflow.document})
    assert data["workflow"] == a_run().workflow.document  # type: ignore[union-attr]
    assert codec.decode(Run, json.loads(json.dumps(data)), {Workflow: parse}) == a_run()


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=timezone(timedelta(hours=2)))
    assert codec.to_rfc3339(moment) == "2026-01-02T01:04:05.678Z"


def test_fields_of_a_later_release_are_left_alone() -> None:
    assert codec.decode(AttemptKey, {"run_id": "r", "step": "s", "attempt": 1, "new": 1}) == AttemptKey(
        "r", "s", 1
    )


@pytest.mark.parametrize(
    ("wanted", "data"),
    [
        (AttemptKey, {"run_id": "r", "step": "s"}),
        (AttemptKey, {"run_id": "r", "step": "s", "attempt": "1"}),
        (AttemptKey, []),
        (Status, "no such status"),
        (Artifact, None),
        (StepCall, {"key": {"run_id": "r", "step": "s", "attempt": 1}, "prefix": "p", "args": "abc"}),
        (Observation, {"key": 1, "status": "ended"}),
    ],
)
def test_data_of_another_shape_is_refused(wanted: type[Any], data: Any) -> None:
    with pytest.raises(ValueError):
        codec.decode(wanted, data)
