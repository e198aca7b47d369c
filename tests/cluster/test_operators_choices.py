"""What an operator sets for all pods, on a real kubelet: their profile, and the queue that they wait in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.executors.kubernetes import names
from reconciler.model.run import InputFile, Status
from reconciler.model.workflow import ArtifactOutput, ParameterOutput
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import until
from tests.cluster.witness import nobodys
from tests.servers import Server

pytest.register_assert_rewrite("tests.executors.contract")

from tests.cluster.pod_house import PodHouse, house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import FAILURE, call, failure, run, seen  # noqa: E402

GATE = "kueue.x-k8s.io/admission"
QUEUE = "kueue.x-k8s.io/queue-name"
QUEUED = f"object.metadata.labels[?'{QUEUE}'] == optional.of('team')"


@pytest.fixture
def baseline(cluster: Cluster, minio: Server, namespace: str, tmp_path: Path) -> Iterator[PodHouse]:
    level = "pod-security.kubernetes.io/enforce=baseline"
    cluster.kubectl("label", "namespace", namespace, "--overwrite", level)
    found = house(cluster, namespace, tmp_path, minio, profile="baseline", user=None, group=None)
    yield found
    found.close()


@pytest.mark.parametrize("layout", ["sidecar", "chain"])
def test_in_the_profile_baseline_a_step_is_the_user_of_its_image_and_the_agent_reads_all(
    baseline: PodHouse, layout: str
) -> None:
    executor = baseline.open()
    output = ArtifactOutput("x", "x")
    shell = ("id -u", "umask 077", "echo mine > x", "chown 1234:1234 x")
    made = run(executor, call("a", *shell, artifact_outputs=(output,), exclusive=layout == "chain"))
    assert (made.reason, made.message, made.log_tail) == ("", "", "0\n")
    given = (InputFile("/in/x", made.outputs.artifacts["x"]),)
    assert run(executor, call("b", "cat /in/x", input_files=given)).log_tail == "mine\n"


DEVICES = {
    "zero": "mknod -m 666 zero c 1 5",
    "disk": "mknod -m 666 disk b 8 0",
    "within": "mkdir within; mknod -m 666 within/zero c 1 5",
}


def test_a_device_is_not_read_where_a_step_may_make_one(baseline: PodHouse) -> None:
    """As root, with the rights that a container runtime gives. The first of them never ends."""
    outputs = tuple(ArtifactOutput(name, name) for name in DEVICES)
    values = (ParameterOutput("v", "zero"),)
    what = call("a", "set -e", *DEVICES.values(), artifact_outputs=outputs, parameter_outputs=values)
    observation = run(baseline.open(), what)
    assert failure(observation) == (FAILURE, "OutputRefused"), observation.log_tail
    assert (observation.outputs.artifacts, observation.outputs.parameters) == ({}, {})
    for told in ("Output 'zero'", "Output 'disk'", "Output 'within'"):
        assert told in observation.message
    assert "is a character device" in observation.message
    assert "is a block device" in observation.message


def test_a_pod_waits_in_its_queue_until_it_is_let_go(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Kueue holds a pod back by a gate, and lets it go by taking the gate away; here the test does."""
    cluster.plane.apply(*holding_back(namespace))
    until("pods of the queue are held back", lambda: GATE in rehearsed(cluster, namespace))
    home = house(cluster, namespace, tmp_path, queue="team")
    executor = home.open(start_patience=1.0)
    asked = call("a", "echo ran")
    executor.launch(asked)
    pod = ("pod", names.pod_name(asked.key), "--namespace", namespace)
    until(
        "its patience would be over", lambda: age(json.loads(cluster.kubectl("get", *pod, "-o", "json"))) > 3
    )
    assert executor.observe({asked.key})[asked.key].status is Status.STARTING
    letting_go = '[{"op": "remove", "path": "/spec/schedulingGates"}]'
    cluster.kubectl("patch", *pod, "--type=json", "--patch", letting_go)
    found = seen(home.open(), asked.key)
    home.close()
    assert (found.reason, found.log_tail) == ("", "ran\n")


def age(pod: dict[str, Any]) -> float:
    """Seconds since it was made."""
    made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    return (datetime.now(UTC) - made).total_seconds()


def holding_back(namespace: str) -> list[dict[str, Any]]:
    """Rules by which pods that name a queue get a gate, as Kueue's webhook does."""
    name, group = f"queue-{namespace}", {"apiVersion": "admissionregistration.k8s.io/v1"}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    gate = f'Object{{spec: Object.spec{{schedulingGates: [Object.spec.schedulingGates{{name: "{GATE}"}}]}}}}'
    policy = {
        "matchConstraints": {
            "resourceRules": [pods],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        },
        "matchConditions": [{"name": "queued", "expression": QUEUED}],
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": gate}}],
    }
    metadata = {"metadata": {"name": name}}
    return [
        {**group, "kind": "MutatingAdmissionPolicy", **metadata, "spec": policy},
        {**group, "kind": "MutatingAdmissionPolicyBinding", **metadata, "spec": {"policyName": name}},
    ]


def rehearsed(cluster: Cluster, namespace: str) -> str:
    """A pod in that queue, as it would be taken."""
    words = ("create", "--namespace", namespace, "--dry-run=server", "--output", "json", "--filename", "-")
    return cluster.kubectl(*words, stdin=json.dumps(nobodys("rehearsal", {QUEUE: "team"})))
