"""Steps that are objects of the cluster: made, watched until a condition holds, and removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import LaunchRejected
from reconciler.model.run import Observation, Status, StepCall
from reconciler.model.workflow import FailureClass, Manifest, ParameterOutput
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.images import BUSYBOX

pytest.register_assert_rewrite("tests.executors.contract")

from tests.cluster.pod_house import PodHouse, house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import a_run, call, run, seen  # noqa: E402

GROUP = "sparkoperator.k8s.io"
TYPES = ("ConfigMap.v1", "Job.batch/v1", f"SparkApplication.{GROUP}/v1beta2")


@pytest.fixture
def home(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[PodHouse]:
    from reconciler.executors.kubernetes.options import Policy

    found = house(cluster, namespace, tmp_path, policy=Policy(manifest_types=TYPES))
    yield found
    found.close()


def settings(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": data}


def a_job(shell: str) -> dict[str, Any]:
    rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    main = {
        "name": "main",
        "image": BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", shell],
        "securityContext": rights,
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [main],
    }
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}


def step(document: dict[str, Any], success: str, failure: str | None = None, **more: Any) -> StepCall:
    keep = more.pop("keep", False)
    return call("a", manifest=Manifest(document, success, failure, keep), **more)


def names(cluster: Cluster, namespace: str, kind: str) -> list[str]:
    """What the step made, by the labels it was given."""
    found = cluster.kubectl("get", kind, "--namespace", namespace, "-l", "reconciler.dev/kind", "-o", "json")
    return [item["metadata"]["name"] for item in json.loads(found)["items"]]


def ending(observation: Observation) -> tuple[FailureClass | None, str]:
    return observation.failure, observation.reason


def test_a_job_that_succeeds_gives_its_outputs_and_goes(
    home: PodHouse, cluster: Cluster, namespace: str
) -> None:
    executor = home.open()
    executor.anchor(a_run())
    asked = step(
        a_job("exit 0"),
        "object.status.succeeded >= 1",
        "object.status.failed >= 1",
        parameter_outputs=(
            ParameterOutput("done", "status.succeeded", "integer"),
            ParameterOutput("none", "status.nothing", default=7),
        ),
    )
    found = run(executor, asked)
    assert ending(found) == (None, "")
    assert found.outputs.parameters == {"done": "1"}
    assert found.started_at is not None
    assert names(cluster, namespace, "jobs") == []
    assert seen(home.open(), asked.key) == found
    executor.release("demo-1-cafe")
    executor.close()
    assert names(cluster, namespace, "configmaps") == []


@pytest.fixture
def spark(cluster: Cluster) -> Iterator[None]:
    """A kind of its own, as an operator of the cluster brings along; nobody acts upon its objects."""
    cluster.plane.apply(a_kind())
    name = f"sparkapplications.{GROUP}"
    cluster.kubectl("wait", "crd", name, "--for=condition=Established", "--timeout=60s")
    yield
    cluster.kubectl("delete", "crd", name, "--wait=false")


def a_kind() -> dict[str, Any]:
    """As small as the API server lets it be; its status is a resource of its own, as with operators."""
    version = {
        "name": "v1beta2",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {
            "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    names = {"plural": "sparkapplications", "singular": "sparkapplication", "kind": "SparkApplication"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"sparkapplications.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": spec,
    }


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ("COMPLETED", (None, "", {"lines": "7"})),
        ("FAILED", (FailureClass.FAILURE, "ObjectFailed", {})),
    ],
)
def test_an_object_of_somebody_elses_kind_ends_as_its_operator_says(
    home: PodHouse, cluster: Cluster, namespace: str, state: str, ended: tuple[object, ...]
) -> None:
    executor = home.open()
    document = {
        "apiVersion": f"{GROUP}/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "count"},
        "spec": {"mainApplicationFile": "local:///app/count.py"},
    }
    asked = step(
        document,
        "object.status.applicationState.state == 'COMPLETED'",
        "object.status.applicationState.state in ['FAILED', 'SUBMISSION_FAILED']",
        parameter_outputs=(ParameterOutput("lines", "status.lines", "integer"),),
    )
    executor.launch(asked)
    assert seen(executor, asked.key, Status.RUNNING).status is Status.RUNNING
    status = json.dumps({"status": {"applicationState": {"state": state}, "lines": 7}})
    where = ("--namespace", namespace, "--subresource=status", "--type=merge")
    cluster.kubectl("patch", "sparkapplication", "count", *where, "--patch", status)
    found = seen(executor, asked.key)
    assert (*ending(found), found.outputs.parameters) == ended


def test_a_job_that_fails_fails_the_step_in_its_own_words(home: PodHouse) -> None:
    asked = step(a_job("exit 3"), "object.status.succeeded >= 1", "object.status.failed >= 1")
    found = run(home.open(), asked)
    assert ending(found) == (FailureClass.FAILURE, "ObjectFailed")
    assert found.message.endswith(
        "failed: object.status.failed >= 1 (Job has reached the specified backoff limit)"
    )


def test_a_missing_output_is_named(home: PodHouse) -> None:
    outputs = (ParameterOutput("n", "data.n"),)
    found = run(home.open(), step(settings(), "has(object.metadata.uid)", parameter_outputs=outputs))
    assert ending(found) == (FailureClass.FAILURE, "OutputMissing")
    assert "has nothing at 'data.n'" in found.message


def test_an_object_may_be_kept_until_its_run_is_released(
    home: PodHouse, cluster: Cluster, namespace: str
) -> None:
    executor = home.open()
    document = {**settings(x="1"), "metadata": {"name": "kept", "labels": {"team": "growth"}}}
    assert run(executor, step(document, "object.data.x == '1'", keep=True)).failure is None
    assert "kept" in names(cluster, namespace, "configmaps")
    executor.release("demo-1-cafe")
    executor.close()
    assert names(cluster, namespace, "configmaps") == []


def test_the_next_pass_goes_on_with_an_object(home: PodHouse, cluster: Cluster, namespace: str) -> None:
    first = home.open()
    first.anchor(a_run())
    asked = step({**settings(done="no"), "metadata": {"name": "waits"}}, "object.data.done == 'yes'")
    first.launch(asked)
    first.launch(asked)
    assert seen(first, asked.key, Status.RUNNING).status is Status.RUNNING
    first.close()
    second = home.open()
    assert list(second.survey()) == [a_run()]
    assert list(second.attempts("demo-1-cafe")) == [asked.key]
    assert second.observe({asked.key})[asked.key].status in (Status.STARTING, Status.RUNNING)
    patch = '{"data":{"done":"yes"}}'
    cluster.kubectl("patch", "configmap", "waits", "--namespace", namespace, "--patch", patch)
    assert ending(seen(second, asked.key)) == (None, "")


def test_cancelling_deletes_the_object(home: PodHouse, cluster: Cluster, namespace: str) -> None:
    executor = home.open()
    asked = step(a_job("sleep 600"), "object.status.succeeded >= 1")
    executor.launch(asked)
    seen(executor, asked.key, Status.RUNNING)
    executor.cancel(asked.key)
    assert ending(seen(executor, asked.key)) == (FailureClass.CANCELLED, "Cancelled")
    assert names(cluster, namespace, "jobs") == []


def test_an_object_that_somebody_deletes_is_lost(home: PodHouse, cluster: Cluster, namespace: str) -> None:
    executor = home.open()
    asked = step({**settings(), "metadata": {"name": "mine"}}, "object.data.done == 'yes'")
    executor.launch(asked)
    seen(executor, asked.key, Status.RUNNING)
    cluster.kubectl("delete", "configmap", "mine", "--namespace", namespace)
    found = seen(executor, asked.key)
    assert ending(found) == (FailureClass.INFRASTRUCTURE, "Deleted")
    assert found.message == "somebody deleted ConfigMap 'mine' before it was done"


def test_a_name_that_is_taken_is_not_taken_over(home: PodHouse, cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "configmap", "theirs", "--namespace", namespace)
    document = {**settings(), "metadata": {"name": "theirs"}}
    found = run(home.open(), step(document, "has(object.metadata.uid)"))
    assert ending(found) == (FailureClass.FAILURE, "NameTaken")
    cluster.kubectl("get", "configmap", "theirs", "--namespace", namespace)


def test_what_the_cluster_refuses_fails_the_step(home: PodHouse) -> None:
    document = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {}}}}
    found = run(home.open(), step(document, "object.status.succeeded >= 1"))
    assert ending(found) == (FailureClass.FAILURE, "LaunchRejected")
    assert "spec.template.spec.containers" in found.message


def test_only_what_the_operator_lists_can_be_made(home: PodHouse) -> None:
    document = {"apiVersion": "v1", "kind": "Secret", "stringData": {}}
    with pytest.raises(LaunchRejected, match=r"'Secret.v1' here; allowed: ConfigMap.v1, Job.batch/v1, Spark"):
        home.open().launch(step(document, "true"))
