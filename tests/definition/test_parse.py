"""From a checked document to a workflow: defaults merged, order found, nothing lost."""

from __future__ import annotations

import json

import pytest

from reconciler.definition import check_text, workflow_from_document
from reconciler.model.workflow import (
    MISSING,
    ArtifactInput,
    ArtifactOutput,
    Backoff,
    FailureClass,
    Parameter,
    ParameterInput,
    ParameterOutput,
    Retry,
    Schedule,
    Step,
    Triggers,
    Workflow,
    WorkflowOutputs,
)
from tests.definition.test_examples import EXAMPLES, VALID

HEAD = "apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {name: a}\nspec:\n"


def workflow(spec: str) -> Workflow:
    verdict = check_text((HEAD + spec).encode())
    assert [str(problem) for problem in verdict.problems if problem.severity == "error"] == []
    return workflow_from_document(verdict.documents[0].document)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_workflow_can_be_made_again_from_its_stored_document(path: object) -> None:
    for checked in check_text(path.read_bytes()).documents:  # type: ignore[attr-defined]
        made = workflow_from_document(checked.document)

        assert workflow_from_document(json.loads(json.dumps(made.document))) == made
        assert made.name == checked.name


def test_the_example_with_everything_is_read_whole() -> None:
    checked = check_text((EXAMPLES / "valid" / "everything.yaml").read_bytes()).documents[0]
    made = workflow_from_document(checked.document)
    usual = Retry(2, frozenset(FailureClass) - {FailureClass.CANCELLED}, Backoff(10.0, 2, 300.0, 0.1))
    shared = {"LOG_LEVEL": "info", "REGION": "${{ parameters.region }}"}

    assert made.triggers == Triggers(
        True,
        ("data/**/*.csv",),
        (Schedule("0 3 * * 1-5", "Europe/Berlin", "latest"), Schedule("@daily", "UTC", "latest")),
    )
    assert made.parameters["epochs"] == Parameter(
        "epochs", "integer", 5, "passes over the data", (), 1, 100, None
    )
    assert made.parameters["options"].default == {"on": "yes"}
    assert (made.timeout, made.parallelism, made.suspend) == (7200.0, 4, False)
    assert made.outputs == WorkflowOutputs(
        {"rows": "${{ steps.prepare.outputs.rows }}"}, {"model": "train/model"}
    )
    assert list(made.steps.values()) == [
        Step(
            name="prepare",
            image="python:3.12-slim",
            command=("python", "scripts/prepare.py"),
            args=("--rows", "${{ parameters.epochs * 10 }}"),
            files=("scripts/**", "data/customers.csv"),
            env=shared,
            working_dir=".",
            timeout=1800.0,
            retry=usual,
            parameter_outputs=(ParameterOutput("rows", "rows.txt", "integer", 0),),
            artifact_outputs=(
                ArtifactOutput("customers", "customers.csv", content_type="text/csv"),
                ArtifactOutput("parts", "parts", optional=True, archive="files"),
            ),
        ),
        Step(
            name="train",
            image="example.org/team/train@sha256:01230123012301230123012301230123",
            script='print("hello")\n',
            interpreter=("python3", "-u"),
            env={
                **shared,
                "EPOCHS": "${{ parameters.epochs }}",
                "NAME": "run ${{ run.id }} of ${{ workflow.name }}",
                "COST": "$${{ 5 }}",
            },
            working_dir="/work",
            needs=("prepare",),
            depends_on=("prepare",),
            when="${{ steps.prepare.outputs.rows > 0 && parameters.rate <= 1.0 }}",
            timeout=5400.0,
            retry=Retry(limit=0),
            continue_on_failure=True,
            parameter_inputs=(
                ParameterInput("rows", source="prepare/rows", path="/in/rows.txt"),
                ParameterInput("mode", value="${{ parameters.fast ? 'fast' : 'thorough' }}"),
                ParameterInput("depth", value=3),
            ),
            artifact_inputs=(ArtifactInput("data", "prepare/customers", "/in/data.csv"),),
            artifact_outputs=(ArtifactOutput("model", "/out/model.json"),),
        ),
        Step(
            name="last-step",
            image="python:3.12-slim",
            script="echo done",
            interpreter=("bash", "-euo", "pipefail"),
            env=shared,
            working_dir="/work",
            needs=("train",),
            depends_on=("train",),
            when="true",
            timeout=1800.0,
            retry=usual,
        ),
    ]


def test_a_step_waits_for_whatever_it_refers_to() -> None:
    made = workflow("""
  steps:
    a: {command: [x], outputs: {parameters: {p: {path: p}}, artifacts: {f: {path: f}}}}
    b-c: {command: [x], outputs: {parameters: {p: {path: p}}}}
    d: {command: [x]}
    e: {command: [x], needs: [d]}
    by-artifact: {command: [x], inputs: {artifacts: {f: {from: a/f, path: f}}}}
    by-parameter: {command: [x], inputs: {parameters: {p: {from: a/p}}}}
    by-value: {command: [x], inputs: {parameters: {p: "${{ steps['b-c'].outputs.p }}"}}}
    by-condition: {command: [x], when: steps.d.phase == 'Succeeded' && steps.b-c.outputs.p != ''}
    by-word: {command: [x, "${{ steps.a.outputs.p }}", "$${{ steps.d.phase }}"]}
    by-variable: {command: [x], env: {P: "${{ steps.a.outputs.p }}"}}
    by-all: {command: [x], needs: [e, d], env: {P: "${{ steps.a.outputs.p }}"}}
""")

    assert {name: step.depends_on for name, step in made.steps.items() if name.startswith("by")} == {
        "by-artifact": ("a",),
        "by-parameter": ("a",),
        "by-value": ("b-c",),
        "by-condition": ("b-c", "d"),
        "by-word": ("a",),
        "by-variable": ("a",),
        "by-all": ("a", "d", "e"),
    }


@pytest.mark.parametrize(
    ("script", "more", "interpreter"),
    [
        ("echo", "", ("sh", "-e")),
        ("#!/bin/x\\n", "", ()),
        ("echo", ", interpreter: [python3]", ("python3",)),
        ("#!/bin/x\\n", ", interpreter: [python3]", ("python3",)),
    ],
)
def test_a_script_is_run_by_what_it_says(script: str, more: str, interpreter: tuple[str, ...]) -> None:
    made = workflow(f'  steps: {{a: {{script: "{script}"{more}}}}}\n')

    assert made.steps["a"].interpreter == interpreter


def test_the_default_interpreter_is_for_scripts_that_do_not_say() -> None:
    made = workflow("""
  defaults: {interpreter: [bash]}
  steps: {a: {script: echo}, b: {script: "#!x"}, c: {command: [x]}}
""")

    assert [step.interpreter for step in made.steps.values()] == [("bash",), (), ()]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5s", 0.5), ("1d1h1m1s", 90061), ("90m", 5400)],
)
def test_durations(text: str, seconds: float) -> None:
    assert workflow(f"  timeout: {text}\n  steps: {{a: {{command: [x]}}}}\n").timeout == seconds


def test_what_is_not_written_has_its_usual_value() -> None:
    made = workflow(
        "  steps: {a: {command: [x]}}\n  parameters: {p: {default: }}\n".replace("default: ", "default: ''")
    )

    assert made.triggers == Triggers(change=True)
    assert made.steps["a"] == Step("a", command=("x",))
    assert made.parameters["p"] == Parameter("p", default="")
    assert Parameter("p").default is MISSING
