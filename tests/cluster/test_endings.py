"""Every way for a step to die on a real kubelet: its class, its reason, and words that help."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ExecutorUnavailable
from reconciler.executors.base import Executor
from reconciler.executors.kubernetes import names
from reconciler.model.run import Observation, Status, StepCall
from reconciler.model.workflow import FailureClass, SecretInput
from tests.cluster.bed.cluster import Cluster

pytest.register_assert_rewrite("tests.executors.contract")

from tests.cluster.pod_house import PodHouse, house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import PATIENCE, call, run, said, seen  # noqa: E402

FAILURE, INFRASTRUCTURE = FailureClass.FAILURE, FailureClass.INFRASTRUCTURE
MakeHouse = Callable[..., PodHouse]


@pytest.fixture
def make_house(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[MakeHouse]:
    made: list[PodHouse] = []

    def make(**more: Any) -> PodHouse:
        made.append(house(cluster, namespace, tmp_path, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def ending(observation: Observation) -> tuple[FailureClass | None, str]:
    return observation.failure, observation.reason


def started(executor: Executor, what: StepCall) -> None:
    """Launched, and known to run: it has said so."""
    executor.launch(what)
    said(executor, what.key, b"up\n")


def told_again(home: PodHouse, what: StepCall, first: Observation) -> None:
    """The next pass is told the same."""
    assert seen(home.open(), what.key) == first


def test_too_much_memory(make_house: MakeHouse) -> None:
    home = make_house()
    pod = {"resources": {"limits": {"memory": "32Mi"}}}
    asked = call("a", "x=x; while :; do x=$x$x; done", pod=pod)
    found = run(home.open(), asked)
    assert (found.exit_code, *ending(found)) == (137, FAILURE, "OOMKilled")
    assert found.message == "memory limit was 32Mi; raise resources.limits.memory, or use less"
    told_again(home, asked, found)


def test_no_such_image(make_house: MakeHouse) -> None:
    home = make_house(start_patience=1.0)
    asked = call("a", "echo ran", image="localhost/no-such-image:1")
    found = run(home.open(), asked)
    assert (found.started_at, *ending(found)) == (None, FAILURE, "ErrImageNeverPull")
    assert "the image is not on the node, and may not be pulled" in found.message
    told_again(home, asked, found)


def test_no_image_of_that_name(make_house: MakeHouse) -> None:
    found = run(make_house().open(), call("a", "echo ran", image="Not A Name"))
    assert found.failure is FAILURE
    assert found.reason in ("InvalidImageName", "LaunchRejected")


def test_no_such_secret_for_a_variable(make_house: MakeHouse) -> None:
    secrets = (SecretInput("db", "password", env="PASSWORD"),)
    found = run(make_house(start_patience=1.0).open(), call("a", "echo ran", secrets=secrets))
    assert ending(found) == (FAILURE, "CreateContainerConfigError")
    assert 'secret "db" not found' in found.message


def test_no_such_secret_for_a_file(make_house: MakeHouse) -> None:
    secrets = (SecretInput("db", "ca.crt", path="/run/db/ca.crt"),)
    found = run(make_house(start_patience=1.0).open(), call("a", "echo ran", secrets=secrets))
    assert ending(found) == (INFRASTRUCTURE, "StartTimeout")
    assert 'secret "db" not found' in found.message


def test_secrets_reach_the_step_and_nobody_else(
    make_house: MakeHouse, cluster: Cluster, namespace: str
) -> None:
    cluster.kubectl(
        "create", "secret", "generic", "db", "--namespace", namespace, "--from-literal=key=s3cr3t"
    )
    secrets = (SecretInput("db", "key", env="KEY"), SecretInput("db", "key", path="/run/db/key"))
    asked = call("a", 'cat /run/db/key; echo " $KEY"', secrets=secrets)
    assert run(make_house().open(), asked).log_tail == "s3cr3t s3cr3t\n"
    pods = cluster.kubectl("get", "pods", "--namespace", namespace, "--output", "json")
    assert "s3cr3t" not in pods


def test_no_room(make_house: MakeHouse) -> None:
    pod = {"resources": {"requests": {"memory": "900Gi"}}}
    found = run(make_house(start_patience=1.0).open(), call("a", "echo ran", pod=pod))
    assert ending(found) == (INFRASTRUCTURE, "Unschedulable")
    assert "Insufficient memory" in found.message


def test_no_quota(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "quota", "none", "--namespace", namespace, "--hard=pods=0")
    executor = make_house(start_patience=0.0).open()
    asked = call("a", "echo ran")
    executor.launch(asked)
    assert seen(executor, asked.key, Status.MISSING).status is Status.MISSING
    with pytest.raises(ExecutorUnavailable, match="exceeded quota: none"):
        executor.launch(asked)
    executor.launch(asked)  # by now it has been refused for longer than the patience
    found = seen(executor, asked.key)
    assert ending(found) == (INFRASTRUCTURE, "QuotaExceeded")


def test_the_cluster_stops_what_no_pass_stopped(make_house: MakeHouse) -> None:
    home = make_house(start_patience=3.0)
    asked = call("a", "echo up", "sleep 600", timeout=0.5)
    found = run(home.open(), asked)
    assert ending(found) == (FailureClass.TIMEOUT, "TimedOut")
    assert "time limit of 0.5 s" in found.message


def test_somebody_deletes_the_pod(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    home = make_house()
    executor = home.open()
    asked = call("a", "trap 'echo bye; exit 0' TERM", "echo up", "while :; do sleep 0.05; done")
    started(executor, asked)
    cluster.kubectl("delete", "pod", names.pod_name(asked.key), "--namespace", namespace, "--wait=false")
    found = seen(executor, asked.key)
    assert found.exit_code == 0
    assert found.log_tail == "up\nbye\n"


def test_somebody_kills_the_pod(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    executor = make_house().open()
    asked = call("a", "echo up", "sleep 600")
    started(executor, asked)
    pod = names.pod_name(asked.key)
    cluster.kubectl("delete", "pod", pod, "--namespace", namespace, "--wait=false", "--grace-period=1")
    found = seen(executor, asked.key)
    assert ending(found) == (INFRASTRUCTURE, "Deleted")
    assert (found.exit_code, found.log_tail) == (137, "up\n")


def test_a_drain_evicts_the_pod(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    executor = make_house().open()
    asked = call("a", "echo up", "exec sleep 600")
    started(executor, asked)
    pod = names.pod_name(asked.key)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    cluster.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction))
    found = seen(executor, asked.key)
    assert ending(found) == (INFRASTRUCTURE, "Evicted")


def test_somebody_strips_the_finalizer(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    executor = make_house().open()
    asked = call("a", "echo up", "sleep 600")
    started(executor, asked)
    pod, patch = names.pod_name(asked.key), '{"metadata":{"finalizers":null}}'
    cluster.kubectl("patch", "pod", pod, "--namespace", namespace, "--type=merge", "--patch", patch)
    cluster.kubectl("delete", "pod", pod, "--namespace", namespace, "--force")
    found = seen(executor, asked.key)
    assert found.failure is INFRASTRUCTURE
    assert found.reason in ("Lost", "Deleted")


@pytest.mark.slow
def test_a_node_that_never_answers_again(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    executor = make_house(lost_after=1.0).open()
    with cluster.another_node() as node:
        pod = {"nodeSelector": {"kubernetes.io/hostname": node.name}}
        asked = call("a", "echo up", "sleep 600", pod=pod)
        started(executor, asked)
        node.crash()
        cluster.kubectl(
            "delete",
            "pod",
            names.pod_name(asked.key),
            "--namespace",
            namespace,
            "--wait=false",
            "--grace-period=1",
        )
        found = seen(executor, asked.key)
        assert ending(found) == (INFRASTRUCTURE, "Lost")
        assert node.name in found.message
        executor.release(asked.key.run_id)
        executor.close()


def test_a_stranger_has_the_name(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    asked = call("a", "echo ran")
    stranger = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": names.pod_name(asked.key), "namespace": namespace},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": "localhost/none",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
    cluster.plane.apply(stranger)
    found = run(make_house().open(), asked)
    assert ending(found) == (FAILURE, "NameTaken")
    cluster.kubectl("get", "pod", names.pod_name(asked.key), "--namespace", namespace)


def test_what_belongs_to_no_run_is_swept(make_house: MakeHouse, cluster: Cluster, namespace: str) -> None:
    home = make_house()
    first = home.open()
    asked = call("a", "echo up", "sleep 600")
    started(first, asked)  # its run was never anchored
    first.close()
    second = home.open()
    assert list(second.survey()) == []
    second.close()
    deadline = time.monotonic() + PATIENCE
    while "reconciler" in cluster.kubectl("get", "pods", "--namespace", namespace, "--show-labels"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
