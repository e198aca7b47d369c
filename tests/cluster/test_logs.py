"""What a step in a pod wrote: seen while it runs, and stored however it ended."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.executors.kubernetes import names
from reconciler.model.workflow import ArtifactOutput
from tests.cli.command import PROGRAM
from tests.cluster import ground
from tests.cluster.bed.cluster import Cluster
from tests.servers import Server

pytest.register_assert_rewrite("tests.executors.contract")

from tests.cluster.pod_house import PodHouse, house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import call, said, seen, stored  # noqa: E402

WAITS = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: slow}
spec:
  steps:
    only:
      script: |
        echo begun
        until test -e /tmp/gate; do sleep 0.1; done
        echo done
"""


def test_a_running_pod_is_followed_to_its_end(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    place = ground.prepare(
        tmp_path / "place", cluster.kubeconfig, namespace, RECONCILER_KUBERNETES_LOGS="true"
    )
    place.push(slow=WAITS)
    place.run("pass", "--pass-budget", "0s")
    follow = [*PROGRAM, "logs", "slow", "only", "-f"]
    reader = subprocess.Popen(follow, env=place.env, cwd=place.root, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "begun\n"
    pod = cluster.kubectl("get", "pods", "--namespace", namespace, "--output", "name").strip()
    cluster.kubectl("exec", "--namespace", namespace, pod, "--container", "main", "--", "touch", "/tmp/gate")
    place.run("pass")
    assert reader.communicate()[0] == "done\n"
    assert reader.returncode == 0
    assert place.run("logs", "slow", "only") == "begun\ndone\n"


@pytest.fixture
def home(cluster: Cluster, minio: Server, namespace: str, tmp_path: Path) -> Iterator[PodHouse]:
    found = house(cluster, namespace, tmp_path, minio)
    yield found
    found.close()


@pytest.mark.parametrize("layout", ["plain", "sidecar", "chain"])
def test_the_log_is_stored_however_a_step_ended(
    home: PodHouse, cluster: Cluster, namespace: str, layout: str
) -> None:
    output = ArtifactOutput("x", "x", optional=True)
    more = {"exclusive": layout == "chain", "artifact_outputs": () if layout == "plain" else (output,)}
    waiting = ("echo said", "exec sleep 600")
    limited = {"resources": {"limits": {"memory": "32Mi"}}}
    calls = {
        "Succeeded": call("well", "echo said", **more),
        "ExitCode": call("failed", "echo said", "exit 3", **more),
        "OOMKilled": call("large", "echo said", "x=x; while :; do x=$x$x; done", pod=limited, **more),
        "Cancelled": call("cancelled", *waiting, **more),
        "Deleted": call("deleted", *waiting, **more),
    }
    executor = home.open()
    for each in calls.values():
        executor.launch(each)
    for name in ("Cancelled", "Deleted"):
        said(executor, calls[name].key, b"said\n")
    executor.cancel(calls["Cancelled"].key)
    pod = names.pod_name(calls["Deleted"].key)
    cluster.kubectl("delete", "pod", pod, "--namespace", namespace, "--wait=false", "--grace-period=1")
    ended = {name: seen(executor, each.key) for name, each in calls.items()}
    assert {name: found.reason or "Succeeded" for name, found in ended.items()} == {n: n for n in calls}
    logs = {name: (found.log_tail, stored(home.store, found.log)) for name, found in ended.items()}
    assert logs == dict.fromkeys(calls, ("said\n", b"said\n"))
