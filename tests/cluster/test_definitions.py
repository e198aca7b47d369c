"""What definitions may say of pods is what a cluster takes: every example, rehearsed on a real API server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.core import call
from reconciler.definition import check_text, workflow_from_document
from reconciler.executors.kubernetes import podspec
from reconciler.executors.kubernetes.client import Client
from reconciler.executors.kubernetes.options import KubernetesOptions, Policy, StoreAccess
from reconciler.model.run import Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import MISSING, Workflow
from tests.cluster.bed.cluster import Cluster
from tests.definition.test_examples import EXAMPLES

FILES = ["placement", "resources-and-secrets", "volumes-and-sidecars"]
ALLOWED = Policy(
    service_accounts=("reader",),
    pull_secrets=("registry",),
    priority_classes=("batch",),
    runtime_classes=("gvisor",),
)


@pytest.fixture(scope="module")
def namespace(kwok_cluster: Cluster) -> Iterator[str]:
    """A namespace in which the names that the examples use exist."""
    name = kwok_cluster.make_namespace("definitions")
    kwok_cluster.kubectl("create", "serviceaccount", "reader", "--namespace", name)
    kwok_cluster.plane.apply(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "batch"},
            "value": 1,
        },
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "gvisor"},
            "handler": "x",
        },
    )
    yield name
    kwok_cluster.end_namespace(name)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("layout", ["sidecar", "chain"])
def test_every_setting_is_taken_as_it_is(
    kwok_cluster: Cluster, namespace: str, file: str, layout: str
) -> None:
    options = KubernetesOptions(
        namespace=namespace,
        kubeconfig=str(kwok_cluster.kubeconfig),
        agent_image="agent",
        layout=layout,
        policy=ALLOWED,
        store=StoreAccess("s3://bucket/here", "minio:9000"),
    )
    client = Client(options, threading.Event())
    made = workflow(EXAMPLES / "valid" / f"{file}.yaml")
    run = a_run(made)
    for step in made.steps.values():
        asked = call.build(run, step, 1)
        pod = podspec.render(asked, options, podspec.layout(asked, chain=layout == "chain")).pod
        # strict: a field that the API server does not know is an error, not dropped
        taken = client.create(f"{client.namespaced('pods')}?dryRun=All&fieldValidation=Strict", pod)
        assert taken["metadata"]["name"] == pod["metadata"]["name"]


def workflow(path: Path) -> Workflow:
    return workflow_from_document(check_text(path.read_bytes()).documents[0].document)


def a_run(made: Workflow) -> Run:
    """A run with the usual parameters, all of whose steps have ended."""
    return Run(
        id=f"{made.name}-1-cafe",
        name=made.name,
        number=1,
        revision="0" * 40,
        digest="sha256:" + "0" * 64,
        trigger=Trigger(TriggerKind.CHANGE),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        workflow=made,
        parameters={
            name: declared.default
            for name, declared in made.parameters.items()
            if declared.default is not MISSING
        },
        steps={name: StepRun(name, phase=Phase.SUCCEEDED) for name in made.steps},
    )
