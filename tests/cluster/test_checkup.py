"""What `reconciler doctor` says of a cluster: what is well there, and each thing that is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.executors.kubernetes.checkup import Answer, look
from reconciler.executors.kubernetes.options import KubernetesOptions, StoreAccess
from tests.cluster.bed.cluster import Cluster

AGENT = "registry.example.com/reconciler:0.1.0"


@pytest.fixture
def options(kwok_cluster: Cluster, kwok_namespace: str) -> KubernetesOptions:
    return KubernetesOptions(
        namespace=kwok_namespace,
        kubeconfig=str(kwok_cluster.kubeconfig),
        agent_image=AGENT,
        store=StoreAccess("s3://runs/here", "minio:9000", secret="store"),
    )


def answers(options: KubernetesOptions) -> dict[str, Answer]:
    """By subject; the version of the cluster is not what is tested."""
    found = list(look(options, options.namespace))
    assert found[0].text.startswith("Kubernetes v1.")
    assert found[0].text.endswith(f", namespace {options.namespace}")
    return {answer.subject: answer for answer in found[1:]}


def test_where_everything_is_there_all_is_well(
    kwok_cluster: Cluster, kwok_namespace: str, options: KubernetesOptions
) -> None:
    keys = {"access-key": "a", "secret-key": "b"}
    kwok_cluster.plane.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "store", "namespace": kwok_namespace},
            "stringData": keys,
        }
    )

    assert {subject: (answer.is_well, answer.text) for subject, answer in answers(options).items()} == {
        "rights": (True, "pods, logs, anchors and Leases may be had, as a pass needs them"),
        "agent": (True, f"{AGENT}, with the store s3://runs/here"),
        "keys": (True, "Secret 'store' has the keys of the store; the pass may read it, and need not"),
        "rehearsal": (True, "the pod of a step would be taken, as restricted"),
    }


def test_what_is_missing_is_told_with_what_to_do(options: KubernetesOptions) -> None:
    assert answers(options)["keys"] == Answer(
        "keys",
        "there is no Secret 'store' for the store",
        is_well=False,
        hint=f"kubectl create secret generic store -n {options.namespace} --from-literal=access-key=...",
    )
    assert answers(replace(options, agent_image=""))["agent"] == Answer(
        "agent",
        "there is no agent image: steps with inputs, outputs or files cannot run",
        is_well=False,
        hint="Set kubernetes.agent_image to the image of Reconciler.",
    )
    assert answers(replace(options, store=StoreAccess()))["agent"] == Answer(
        "agent",
        "pods cannot reach the store: steps with inputs, outputs or files cannot run",
        is_well=False,
        hint="Set store.url to an S3 bucket.",
    )


def test_a_pod_security_level_that_pods_do_not_keep_is_found(options: KubernetesOptions) -> None:
    found = answers(replace(options, profile="baseline", user=None))["rehearsal"]

    assert not found.is_well
    assert found.text.startswith("the pod of a step would not be taken: the cluster refused to post ")
    assert 'violates PodSecurity "restricted:latest"' in found.text
    assert found.hint == "Pods are made for the Pod Security level 'baseline' (kubernetes.profile)."


def test_rights_that_a_pass_lacks_are_listed(
    kwok_cluster: Cluster, kwok_namespace: str, options: KubernetesOptions
) -> None:
    kwok_cluster.kubectl("create", "serviceaccount", "stranger", "--namespace", kwok_namespace)
    kwok_cluster.kubectl(
        *("create", "role", "reader", "--namespace", kwok_namespace),
        *("--verb=get,list,watch", "--resource=pods,pods/log,configmaps"),
    )
    kwok_cluster.kubectl(
        *("create", "rolebinding", "reader", "--namespace", kwok_namespace, "--role=reader"),
        f"--serviceaccount={kwok_namespace}:stranger",
    )
    own = kwok_cluster.plane.kubeconfig_of(kwok_namespace, "stranger")
    found = list(look(replace(options, kubeconfig=str(own)), kwok_namespace))[1:]

    assert [(answer.is_well, answer.is_needed) for answer in found if answer.subject == "rights"] == [
        (False, True),
        (False, False),
    ]
    assert found[0].text == (
        f"not allowed: create and patch and delete pods in {kwok_namespace}, "
        f"create and patch and delete configmaps in {kwok_namespace}, "
        f"get and list and create and update leases in {kwok_namespace}"
    )
    assert found[1].text == (
        f"not allowed: list events in {kwok_namespace}; messages cannot say why a pod does not start"
    )
    assert found[2:4] == [
        Answer("agent", f"{AGENT}, with the store s3://runs/here"),
        Answer("keys", "Secret 'store' is not looked at: a pass may not read Secrets, as it should be"),
    ]
