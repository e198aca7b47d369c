"""Settings for pods: defaults beneath a step's own, objects as steps, and what changes the digest."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reconciler.definition import digest, workflow_from_document
from reconciler.definition.changes import compare
from reconciler.definition.quantity import amount
from reconciler.model.workflow import (
    Manifest,
    ParameterInput,
    ParameterOutput,
    Retry,
    SecretInput,
    Step,
)
from tests.definition.test_parse import workflow


def test_pod_settings_of_a_step_are_laid_over_those_of_all_steps() -> None:
    made = workflow("""
  defaults:
    image: x
    transfer: exclusive
    resources: {requests: {cpu: 500m, memory: 256Mi}}
    pod:
      nodeSelector: {disk: ssd}
      tolerations: [{key: a}]
      labels: {team: growth}
  steps:
    usual: {command: [x]}
    own:
      command: [x]
      transfer: shared
      pod:
        resources: {requests: {memory: 1Gi}, limits: {memory: 2Gi}}
        nodeSelector: {zone: a}
        tolerations: [{key: b}]
""")

    assert {name: (step.pod, step.exclusive) for name, step in made.steps.items()} == {
        "usual": (
            {
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "a"}],
                "labels": {"team": "growth"},
                "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}},
            },
            True,
        ),
        "own": (
            {
                "nodeSelector": {"disk": "ssd", "zone": "a"},
                "tolerations": [{"key": "b"}],
                "labels": {"team": "growth"},
                "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
            },
            False,
        ),
    }


def test_secrets_are_read_by_name_and_key() -> None:
    made = workflow("""
  steps:
    a:
      command: [x]
      secrets: [{from: db/password, env: DB_PASSWORD}, {from: db.prod/ca.crt, path: /run/db/ca.crt}]
""")

    assert made.steps["a"].secrets == (
        SecretInput("db", "password", env="DB_PASSWORD"),
        SecretInput("db.prod", "ca.crt", path="/run/db/ca.crt"),
    )


def test_an_object_takes_of_the_defaults_what_is_not_about_a_command() -> None:
    made = workflow("""
  defaults:
    image: x
    env: {A: a}
    workingDir: /work
    timeout: 5m
    retry: {limit: 1}
    resources: {limits: {cpu: 1}}
  steps:
    before: {command: [x], outputs: {parameters: {rows: {path: rows}}}}
    count:
      manifest:
        object:
          apiVersion: batch/v1
          kind: Job
          spec: {rows: "${{ inputs.rows }}", phase: "${{ steps.before.phase }}"}
        success: ${{ object.status.succeeded == 1 }}
        failure: object.status.failed == 1
      inputs: {parameters: {rows: {from: before/rows}}}
      outputs: {parameters: {rows: {path: status.rows, type: integer}}}
""")

    assert made.steps["count"] == Step(
        name="count",
        depends_on=("before",),
        timeout=300.0,
        retry=Retry(limit=1),
        parameter_inputs=(ParameterInput("rows", source="before/rows"),),
        parameter_outputs=(ParameterOutput("rows", "status.rows", "integer"),),
        manifest=Manifest(
            document={
                "apiVersion": "batch/v1",
                "kind": "Job",
                "spec": {"rows": "${{ inputs.rows }}", "phase": "${{ steps.before.phase }}"},
            },
            success="object.status.succeeded == 1",
            failure="object.status.failed == 1",
        ),
    )


def test_what_changed_for_a_pod_is_named() -> None:
    old = workflow(
        "  steps: {a: {command: [x], image: x, pod: {nodeSelector: {disk: ssd}, labels: {b: c}}}}\n"
    )
    new = workflow("""
  defaults: {resources: {limits: {cpu: 1}}}
  steps:
    a:
      command: [x]
      image: x
      transfer: exclusive
      secrets: [{from: db/password, env: P}]
      pod: {nodeSelector: {disk: hdd}, priorityClassName: batch}
""")

    assert compare(digest.parts(old.document, []), digest.parts(new.document, [])) == [
        "step 'a': pod.labels removed",
        "step 'a': pod.nodeSelector changed",
        "step 'a': pod.priorityClassName added",
        "step 'a': secrets added",
        "step 'a': transfer added",
        "default 'resources' added",
    ]
    assert digest.digest(old.document, []) != digest.digest(new.document, [])


def test_a_workflow_without_pod_settings_has_none() -> None:
    step = workflow("  steps: {a: {command: [x]}}\n").steps["a"]

    assert step == Step(name="a", command=("x",))
    assert workflow_from_document(workflow("  steps: {a: {command: [x]}}\n").document).steps["a"] == step


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        (2, "2"),
        (0.5, "0.5"),
        ("1Gi", "1073741824"),
        ("1.5Ki", "1536"),
        ("1E", "1000000000000000000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("12e-3", "0.012"),
        ("100n", "0.0000001"),
        ("3.", "3"),
    ],
)
def test_quantities_are_read_as_the_cluster_reads_them(written: str | float, meant: str) -> None:
    assert amount(written) == Decimal(meant)


def test_a_quantity_that_an_expression_will_give_has_no_amount_yet() -> None:
    assert amount("${{ parameters.memory }}") is None
