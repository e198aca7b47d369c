"""The bed is what it claims to be: containers with limits and exit codes, logs, nodes that come and go."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.cluster import pods
from tests.cluster.bed import house, images
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import BedError, run, tool, until
from tests.cluster.bed.processes import command_lines
from tests.cluster.pods import container, pod, shell


def test_an_exit_code_and_the_logs_come_through(cluster: Cluster, namespace: str) -> None:
    cluster.plane.apply(
        in_(namespace, pod("three", shell("main", "echo to stdout; echo to stderr >&2; exit 3")))
    )
    seen = pods.ended(cluster, namespace, "three")
    assert (pods.phase(seen), pods.exits(seen)) == ("Failed", {"main": (3, "Error")})
    logs = cluster.kubectl("logs", "three", "--namespace", namespace)
    assert sorted(logs.splitlines()) == ["to stderr", "to stdout"]


def test_a_sidecar_hears_of_mains_end_and_finishes_its_work(cluster: Cluster, namespace: str) -> None:
    """Layout `sidecar`: the phase follows main, after the agent has ended."""
    waits = (
        "import pathlib, signal, sys;"
        "signal.sigwait({signal.SIGTERM});"
        "pathlib.Path('/dev/termination-log').write_text(pathlib.Path('/io/out').read_text() + ' seen')"
    )
    fetch = container("fetch", ["python", "-c", "open('/io/in', 'w').write('fetched')"], cluster.agent_image)
    blocks = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM});" + waits
    agent = container("agent", ["python", "-c", blocks], cluster.agent_image, restartPolicy="Always")
    main = shell("main", "cat /io/in > /io/out; exit 3")
    cluster.plane.apply(in_(namespace, pod("sidecar", main, before=[fetch, agent])))
    seen = pods.ended(cluster, namespace, "sidecar")
    assert pods.phase(seen) == "Failed"
    assert pods.exits(seen) == {"fetch": (0, "Completed"), "agent": (0, "Completed"), "main": (3, "Error")}
    assert seen["status"]["initContainerStatuses"][1]["state"]["terminated"]["message"] == "fetched seen"


def test_a_chain_runs_fetch_main_and_put_in_turn(cluster: Cluster, namespace: str) -> None:
    fetch = container("fetch", ["python", "-c", "open('/io/in', 'w').write('fetched')"], cluster.agent_image)
    main = shell("main", "cat /io/in > /io/out")
    code = "import reconciler; print(open('/io/out').read(), 'by', reconciler.__name__)"
    put = container("put", ["python", "-c", code], cluster.agent_image)
    cluster.plane.apply(in_(namespace, pod("chain", put, before=[fetch, main])))
    seen = pods.ended(cluster, namespace, "chain")
    well = (0, "Completed")
    assert pods.exits(seen) == {"fetch": well, "main": well, "put": well}
    assert pods.phase(seen) == "Succeeded"
    logs = cluster.kubectl("logs", "chain", "--namespace", namespace, "--container", "put")
    assert logs == "fetched by reconciler\n"


def test_who_takes_too_much_memory_is_killed(cluster: Cluster, namespace: str) -> None:
    limits = {"limits": {"memory": "32Mi"}}
    main = container("main", ["python", "-c", "b'x' * 2**28"], images.PYTHON, resources=limits)
    cluster.plane.apply(in_(namespace, pod("greedy", main)))
    assert pods.exits(pods.ended(cluster, namespace, "greedy")) == {"main": (137, "OOMKilled")}


def test_pod_security_is_enforced(cluster: Cluster, namespace: str) -> None:
    root = pod("root", shell("main", "id"), securityContext={"runAsUser": 0})
    with pytest.raises(BedError, match='violates PodSecurity "restricted:latest"'):
        cluster.plane.apply(in_(namespace, root))


def test_minio_is_reached_from_a_pod_as_from_here(
    cluster: Cluster, namespace: str, minio: servers.Server
) -> None:
    servers.client(minio.access).bucket_exists(servers.BUCKET)
    # Without -T, at which the static busybox of Debian 12 crashes.
    address = f"http://{minio.access.endpoint}/minio/health/live"
    cluster.plane.apply(in_(namespace, pod("reader", shell("main", f"wget -q -O - {address}"))))
    assert pods.exits(pods.ended(cluster, namespace, "reader")) == {"main": (0, "Completed")}


def test_a_pod_with_a_token_finds_the_api_server(cluster: Cluster, namespace: str) -> None:
    """By the address that every pod gets in its environment, with the cluster's own authority."""
    code = (
        "import kubernetes as k; k.config.load_incluster_config();"
        f"print(len(k.client.CoreV1Api().list_namespaced_pod('{namespace}').items))"
    )
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "reader", "namespace": namespace},
    }
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    cluster.plane.apply(
        {**role, "kind": "Role", "rules": [rule]},
        {**role, "kind": "RoleBinding", "roleRef": ref, "subjects": [subject]},
    )
    main = container("main", ["python", "-c", code], cluster.agent_image)
    cluster.plane.apply(in_(namespace, pod("client", main, automountServiceAccountToken=True)))
    seen = pods.ended(cluster, namespace, "client")
    assert cluster.kubectl("logs", "client", "--namespace", namespace) == "1\n"
    assert pods.phase(seen) == "Succeeded"


def test_an_account_has_the_rights_it_was_given_and_no_others(cluster: Cluster, namespace: str) -> None:
    config = str(cluster.plane.kubeconfig_of(namespace, "default"))
    with pytest.raises(BedError, match=f"system:serviceaccount:{namespace}:default.* cannot list resource"):
        run(tool("kubectl"), "--kubeconfig", config, "get", "pods")


def test_requests_are_counted(cluster: Cluster, namespace: str) -> None:
    key = ("GET", "limitranges", "", "404")  # which no component of the cluster asks for
    before = cluster.plane.requests()[key]
    for _ in range(3):
        cluster.kubectl("get", "limitrange", "none", "--ignore-not-found", "--namespace", namespace)
    assert cluster.plane.requests()[key] - before == 3


def test_a_node_that_dies_is_missed_and_comes_back(cluster: Cluster, namespace: str) -> None:
    with cluster.another_node() as node:
        main = shell("main", "sleep 1000")
        cluster.plane.apply(in_(namespace, pod("on-it", main, nodeName=node.name)))
        until("the pod runs", lambda: _phase(cluster, namespace, "on-it") == "Running")
        node.crash()
        until("the node is missed", node.is_lost)
        node.start()
        until("its pod has died", lambda: _phase(cluster, namespace, "on-it") in {"Failed", "Unknown"})


def test_helm_talks_to_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    helm = [tool("helm"), "--kubeconfig", str(cluster.kubeconfig)]
    run(*helm, "create", str(tmp_path / "chart"))
    made = run(*helm, "template", str(tmp_path / "chart"), "--validate", "--kube-version", "1.36")
    assert "kind: Deployment" in made
    assert run(*helm, "list", "--all-namespaces", "--output", "json").strip() == "[]"


LAYOUTS = {
    "plain": pod("p", shell("main", "true")),
    "sidecar": pod(
        "p",
        shell("main", "true"),
        before=[shell("fetch", "true"), shell("agent", "true", restartPolicy="Always")],
    ),
    "chain": pod("p", shell("put", "true"), before=[shell("fetch", "true"), shell("main", "true")]),
}
WELL = {"fetch": (0, "Completed"), "main": (0, "Completed")}


@pytest.mark.parametrize(
    ("layout", "annotations", "phase", "exits"),
    [
        ("plain", {}, "Succeeded", {"main": (0, "Completed")}),
        ("plain", {"duration": "200ms", "exit-code": "3"}, "Failed", {"main": (3, "Error")}),
        ("sidecar", {"upload": "200ms"}, "Succeeded", {**WELL, "agent": (0, "Completed")}),
        ("sidecar", {"agent-exit-code": "5"}, "Succeeded", {**WELL, "agent": (5, "Error")}),
        (
            "sidecar",
            {"exit-code": "137", "reason": "OOMKilled"},
            "Failed",
            {**WELL, "main": (137, "OOMKilled"), "agent": (0, "Completed")},
        ),
        ("chain", {}, "Succeeded", {**WELL, "put": (0, "Completed")}),
        ("chain", {"upload": "1s", "agent-exit-code": "5"}, "Failed", {**WELL, "put": (5, "Error")}),
        ("chain", {"exit-code": "3"}, "Failed", {**WELL, "main": (3, "Error")}),
    ],
)
def test_a_simulated_pod_ends_as_its_annotations_say(
    kwok_cluster: Cluster,
    kwok_namespace: str,
    layout: str,
    annotations: dict[str, str],
    phase: str,
    exits: dict[str, tuple[int, str]],
) -> None:
    marked = {f"sim.testbed/{name}": value for name, value in annotations.items()}
    kwok_cluster.plane.apply(in_(kwok_namespace, LAYOUTS[layout], annotations=marked))
    seen = pods.ended(kwok_cluster, kwok_namespace, "p")
    assert (pods.phase(seen), pods.exits(seen)) == (phase, exits)


def test_a_simulated_pod_that_is_deleted_ends_and_waits_for_its_finalizer(
    kwok_cluster: Cluster, kwok_namespace: str
) -> None:
    marked = {"annotations": {"sim.testbed/duration": "1h"}, "finalizers": ["testbed.example/hold"]}
    kwok_cluster.plane.apply(in_(kwok_namespace, LAYOUTS["sidecar"], **marked))
    until("the pod runs", lambda: _phase(kwok_cluster, kwok_namespace, "p") == "Running")
    kwok_cluster.kubectl("delete", "pod", "p", "--namespace", kwok_namespace, "--wait=false")
    seen = pods.ended(kwok_cluster, kwok_namespace, "p")
    assert pods.exits(seen) == {**WELL, "main": (143, "Error"), "agent": (143, "Error")}
    none = '{"metadata":{"finalizers":null}}'
    kwok_cluster.kubectl("patch", "pod", "p", "--namespace", kwok_namespace, "--type=merge", "--patch", none)
    query = ["get", "pods", "--namespace", kwok_namespace, "--output", "name"]
    until("the pod is gone", lambda: kwok_cluster.kubectl(*query) == "")


_DIES = """
import os, signal
from tests.cluster.bed import cluster as beds
with beds.real("dies") as running:
    house = running.plane.house
    print(house.directory, house.bridge, house.cgroup, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_bed_left_is_removed_by_the_next() -> None:
    """Processes, mounts, interfaces and cgroups; nothing of it survives."""
    died = subprocess.run([sys.executable, "-c", _DIES], cwd=house.CHECKOUT, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    directory, bridge, cgroup = died.stdout.split()
    with house.opened("sweeps"):
        assert _left(directory, bridge, cgroup) == []


def _left(directory: str, bridge: str, cgroup: str) -> list[str]:
    """What on this machine has something to do with a bed."""
    processes = [line.decode() for _, line in command_lines() if directory.encode() in line]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if directory in line]
    links = json.loads(run(tool("ip"), "-json", "link"))
    names = [link["ifname"] for link in links if link["ifname"].startswith(bridge)]
    cgroups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{cgroup}*")]
    return processes + mounts + names + cgroups


def _phase(cluster: Cluster, namespace: str, name: str) -> str:
    query = ("get", "pod", name, "--namespace", namespace, "--output", "jsonpath={.status.phase}")
    return cluster.kubectl(*query)


def in_(namespace: str, of: pods.Json, **metadata: object) -> pods.Json:
    """The object in a namespace, with more metadata."""
    return {**of, "metadata": {**of["metadata"], "namespace": namespace, **metadata}}  # type: ignore[dict-item]
