"""What a definition asks of its pod, the pod has on a real kubelet; what no operator lists, it cannot have.

Each step looks at what it was given and says so in its log; what it cannot see, a watch on the pods has seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.executors.kubernetes import names
from tests.cluster import ground, volumes
from tests.cluster.bed.cluster import Cluster
from tests.cluster.witness import Watch
from tests.place import Place

DEFINITIONS = Path(__file__).with_name("definitions")

ALLOWED = {
    "SERVICE_ACCOUNTS": "reader",
    "PRIORITY_CLASSES": "batch",
    "PULL_SECRETS": "registry",
    "SECRET_PREFIXES": "for-steps-",
    "LOGS": "true",
}

SAID = {
    "limited": f"{48 << 20}\n",
    "named": "no token\n",
    "files": "level = 3\nsecret\n1\nx\n",
    "keeps": None,
    "finds": "trained\ntouch: /cache/mine: Read-only file system\n",
    "served": "hello from beside\n",
}

REFUSED = {
    "account": "pod.serviceAccountName: 'default' is not allowed here; allowed: reader",
    "priority": "pod.priorityClassName: 'system-node-critical' is not allowed here; allowed: batch",
    "runtime": "pod.runtimeClassName: 'gvisor' is not allowed here; allowed: none",
    "pulls": "pod.imagePullSecrets: 'of-another-team' is not allowed here; allowed: registry",
    "volume": "volume 'v' is of the kind 'persistentVolumeClaim'; allowed: emptyDir, secret",
    "secret": "Secret 'bank' is not for steps: their names begin with 'for-steps-'",
    "variable": "Secret 'bank' is not for steps: their names begin with 'for-steps-'",
}


@pytest.fixture
def place(cluster: Cluster, namespace: str, tmp_path: Path) -> Place:
    allowed = {f"RECONCILER_KUBERNETES_{name}": value for name, value in ALLOWED.items()}
    return ground.prepare(tmp_path / "place", cluster.kubeconfig, namespace, **allowed)


@pytest.fixture
def seen(cluster: Cluster, namespace: str) -> Iterator[dict[str, dict[str, Any]]]:
    """The pods of steps in their latest form, by step."""
    found: dict[str, dict[str, Any]] = {}

    def take(kind: str, raw: dict[str, Any], moment: float) -> None:
        note = raw["metadata"]["annotations"][names.NOTE]
        found[json.loads(note)["key"]["step"]] = raw

    watch = Watch(cluster, namespace, take)
    watch.begin()
    yield found
    watch.end()
    assert not watch.problem


def steps_of(place: Place, workflow: str) -> dict[str, Any]:
    """What the ledger says of each step."""
    found: dict[str, Any] = json.loads(place.ledger_file(f"{workflow}/run.json"))["steps"]
    return found


def said(place: Place, workflow: str, step: str) -> str | None:
    """The stored log of the first attempt; nothing for one that said nothing."""
    logs = list(place.state.glob(f"artifacts/runs/{workflow}/*/{step}/1/log.txt"))
    return logs[0].read_text() if logs else None


def test_a_pod_has_what_its_definition_asks_for(
    cluster: Cluster, namespace: str, place: Place, seen: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 7}
    cluster.plane.apply(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "reader", "namespace": namespace},
        },
        {**priority, "metadata": {"name": "batch"}},
        _data("ConfigMap", "settings", namespace, data={"a.toml": "level = 3\n"}),
        _data("Secret", "for-steps-keys", namespace, stringData={"id": "secret"}),
        volumes.persistent(
            f"{namespace}-models", tmp_path / "models", cluster, bound_to=(namespace, "models")
        ),
        volumes.claim("models", namespace),
    )
    place.push(asks=(DEFINITIONS / "asks.yaml").read_text())

    place.run("pass")

    phases = {name: (step["phase"], step.get("message")) for name, step in steps_of(place, "asks").items()}
    assert phases == {name: ("Succeeded", None) for name in SAID}
    assert {name: said(place, "asks", name) for name in SAID} == SAID
    assert (tmp_path / "models" / "models" / "model").read_text() == "trained\n"
    _assert_named(seen["named"])
    assert seen["limited"]["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "20m", "memory": "16Mi"},
        "limits": {"cpu": "500m", "memory": "48Mi"},
    }
    web = seen["served"]["status"]["initContainerStatuses"][0]
    assert (web["name"], web["restartCount"]) == ("web", 0)


def _assert_named(pod: dict[str, Any]) -> None:
    spec, metadata = pod["spec"], pod["metadata"]
    assert (spec["serviceAccountName"], spec["priorityClassName"], spec["priority"]) == ("reader", "batch", 7)
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["automountServiceAccountToken"] is False
    labels = {key: metadata["labels"].get(key) for key in ("team", "example.com/tier")}
    assert labels == {"team": "growth", "example.com/tier": "2"}
    assert metadata["annotations"]["example.com/owner"] == "run 1"


def test_a_pod_goes_where_its_definition_lets_it(
    cluster: Cluster, place: Place, seen: dict[str, dict[str, Any]]
) -> None:
    """With a node that is labelled and tainted for it; the others may not go there, and say why."""
    node = cluster.nodes[0].name
    place.push(placed=(DEFINITIONS / "placed.yaml").read_text())
    cluster.kubectl("label", "node", node, "example.com/pool=batch")
    cluster.kubectl("taint", "node", node, "example.com/dedicated=batch:NoSchedule")
    try:
        place.run("pass", RECONCILER_KUBERNETES_START_PATIENCE="3s")
    finally:
        cluster.kubectl("label", "node", node, "example.com/pool-")
        cluster.kubectl("taint", "node", node, "example.com/dedicated-")

    told = {name: (step["phase"], step.get("reason")) for name, step in steps_of(place, "placed").items()}
    assert told == {
        "tolerant": ("Succeeded", None),
        "stranger": ("Failed", "Unschedulable"),
        "averse": ("Failed", "Unschedulable"),
    }
    assert seen["tolerant"]["spec"]["nodeName"] == node
    stranger, averse = (steps_of(place, "placed")[name]["message"] for name in ("stranger", "averse"))
    assert "untolerated taint" in stranger
    assert "didn't match Pod's node affinity/selector" in averse


def test_what_the_operator_does_not_list_is_refused_and_makes_no_pod(
    place: Place, seen: dict[str, dict[str, Any]]
) -> None:
    place.push(greedy=(DEFINITIONS / "greedy.yaml").read_text())

    place.run("pass", RECONCILER_KUBERNETES_VOLUME_KINDS="emptyDir,secret")

    steps = steps_of(place, "greedy")
    assert {name: step["reason"] for name, step in steps.items()} == dict.fromkeys(REFUSED, "LaunchRejected")
    for name, words in REFUSED.items():
        assert steps[name]["message"].startswith(words), steps[name]["message"]
    assert seen == {}


def _data(kind: str, name: str, namespace: str, **data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **data}
