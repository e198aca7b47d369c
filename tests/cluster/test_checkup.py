"""What `reconciler doctor` says of a cluster: what is well there, and each thing that is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.executors.kubernetes.checkup import Answer, look
from reconciler.executors.kubernetes.options import KubernetesOptions, Policy, StoreAccess
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


def a_stranger(cluster: Cluster, namespace: str) -> str:
    """The kubeconfig of somebody who may look at some things and make none."""
    cluster.kubectl("create", "serviceaccount", "stranger", "--namespace", namespace)
    cluster.kubectl(
        *("create", "role", "reader", "--namespace", namespace),
        *("--verb=get,list,watch", "--resource=pods,pods/log,configmaps"),
    )
    cluster.kubectl(
        *("create", "rolebinding", "reader", "--namespace", namespace, "--role=reader"),
        f"--serviceaccount={namespace}:stranger",
    )
    return str(cluster.plane.kubeconfig_of(namespace, "stranger"))


def test_rights_that_a_pass_lacks_are_listed(
    kwok_cluster: Cluster, kwok_namespace: str, options: KubernetesOptions
) -> None:
    own = a_stranger(kwok_cluster, kwok_namespace)
    found = list(look(replace(options, kubeconfig=own), kwok_namespace))[1:]

    assert [(answer.is_well, answer.is_needed) for answer in found if answer.subject == "rights"] == [
        (False, True),
        (False, False),
    ]
    assert found[0].text == (
        f"not allowed: create and patch and delete and deletecollection pods in {kwok_namespace}, "
        f"create and patch and delete and deletecollection configmaps in {kwok_namespace}, "
        f"get and list and create and update leases in {kwok_namespace}"
    )
    assert found[1].text == (
        f"not allowed: list events in {kwok_namespace}; messages cannot say why a pod does not start"
    )
    assert found[2:4] == [
        Answer("agent", f"{AGENT}, with the store s3://runs/here"),
        Answer("keys", "Secret 'store' is not looked at: a pass may not read Secrets, as it should be"),
    ]


def test_what_steps_with_a_manifest_may_make_must_be_there_and_allowed(
    kwok_cluster: Cluster, kwok_namespace: str, options: KubernetesOptions
) -> None:
    def told(*types: str, kubeconfig: str = options.kubeconfig) -> list[Answer]:
        asked = replace(options, kubeconfig=kubeconfig, policy=Policy(manifest_types=types))
        return [answer for answer in look(asked, kwok_namespace) if answer.subject == "manifests"]

    assert told() == []
    assert told("ConfigMap.v1", "Job.batch/v1") == [
        Answer("manifests", "steps may make ConfigMap.v1, Job.batch/v1")
    ]
    assert told("SparkApplication.sparkoperator.k8s.io/v1beta2") == [
        Answer(
            "manifests",
            "the cluster has no kind 'SparkApplication' with namespaces in sparkoperator.k8s.io/v1beta2",
            is_well=False,
            hint="Install what defines it, or take 'SparkApplication.sparkoperator.k8s.io/v1beta2' out of "
            "kubernetes.manifest_types.",
        )
    ]
    assert told("ConfigMap.v1", "Job.batch/v1", kubeconfig=a_stranger(kwok_cluster, kwok_namespace)) == [
        Answer(
            "manifests",
            f"not allowed: create and delete configmaps in {kwok_namespace}, "
            f"get and list and create and delete jobs in {kwok_namespace}",
            is_well=False,
            hint="Allow it with `workflows.rules` of the chart, or a Role of your own.",
        )
    ]
