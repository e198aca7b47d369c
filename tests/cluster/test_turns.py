"""Passes of a cluster take turns, wherever they run: each of these has a directory of its own, like a pod."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.place import Place

PATIENCE = 300.0
NAMES = [f"flow-{number}" for number in range(8)]

FLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: NAME}
spec:
  defaults: {image: busybox}
  steps:
    first:
      command: [sh, -c, 'true']
      pod: {annotations: {sim.testbed/duration: DURATION}}
    second: {needs: [first], command: [sh, -c, 'true']}
"""


class Town(Place):
    """A repository, and passes without a common directory."""

    def own(self, number: int) -> dict[str, str]:
        return {"RECONCILER_STATE_DIRECTORY": str(self.root / f"machine-{number}")}

    def want(self, duration: str, *names: str) -> None:
        form = FLOW.replace("DURATION", duration)
        self.push(**{name: form.replace("NAME", name) for name in names})

    def subjects(self) -> Counter[str]:
        return Counter(subject.split(" in ")[0] for subject in self.history())


@pytest.fixture
def town(kwok_cluster, kwok_namespace, tmp_path: Path) -> Town:
    settings = {
        "EXECUTOR_NAME": "kubernetes",
        "KUBERNETES_KUBECONFIG": str(kwok_cluster.kubeconfig),
        "KUBERNETES_NAMESPACE": kwok_namespace,
        "KUBERNETES_LOGS": "false",
        "LEASE_NAMESPACE": kwok_namespace,
    }
    return Town(tmp_path, {f"RECONCILER_{name}": value for name, value in settings.items()})


def until(happened, process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def pods(cluster, namespace: str) -> dict[str, str]:
    """The phases of all pods by name."""
    found = json.loads(cluster.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    return {pod["metadata"]["name"]: pod["status"]["phase"] for pod in found}


def running(cluster, namespace: str, count: int) -> bool:
    return list(pods(cluster, namespace).values()).count("Running") == count


def test_of_two_passes_one_works_and_the_other_names_it(kwok_cluster, kwok_namespace, town):
    town.want("3600s", "flow")
    first = town.start("pass", **town.own(1))
    until(lambda: running(kwok_cluster, kwok_namespace, 1), first)
    printed = town.run("pass", code=75, **town.own(2))
    assert f"_{first.pid}_" in printed
    assert f"holds the Lease {kwok_namespace}/reconciler-0-of-1" in printed
    first.terminate()
    first.communicate()
    assert first.returncode == 130
    printed = town.run("pass", "--pass-budget", "0s", **town.own(2))
    assert "flow #1: in flight, carried on" in printed or "carried on" in printed


def test_a_pass_that_loses_its_lease_writes_no_more_and_another_carries_on(
    kwok_cluster, kwok_namespace, town
):
    town.want("20s", "flow")
    lease = ("lease", "reconciler-0-of-1", "-n", kwok_namespace, "--type=merge", "--patch")
    first = town.start("pass", "--lease-duration", "3s", **town.own(1))
    until(lambda: running(kwok_cluster, kwok_namespace, 1), first)
    kwok_cluster.kubectl("patch", *lease, '{"spec": {"holderIdentity": "thief"}}')
    out, err = first.communicate()
    assert first.returncode == 76, out + err
    assert "this pass lost the Lease" in err
    assert "thief" in err
    assert town.history() == []
    kwok_cluster.kubectl("patch", *lease, '{"spec": {"holderIdentity": ""}}')
    town.run("pass", **town.own(2))
    assert town.subjects() == Counter(["flow #1: Succeeded"])
    record = json.loads(town.ledger_file("flow/run.json"))
    assert [len(step["attempts"]) for step in record["steps"].values()] == [1, 1]


def test_the_lease_of_a_pass_that_was_killed_is_free_after_a_while(kwok_cluster, kwok_namespace, town):
    town.want("10s", "flow")
    first = town.start("pass", "--lease-duration", "3s", **town.own(1))
    until(lambda: running(kwok_cluster, kwok_namespace, 1), first)
    first.kill()
    first.communicate()
    codes: list[int] = []

    def is_over() -> bool:
        process = town.start("pass", "--lease-duration", "3s", **town.own(2))
        process.communicate()
        codes.append(process.returncode)
        return process.returncode != 75

    until(is_over)
    assert codes == [75] * (len(codes) - 1) + [0]
    assert town.subjects() == Counter(["flow #1: Succeeded"])


def test_shards_lose_nothing_while_their_number_changes_and_no_state_is_kept(kwok_namespace, town):
    """1, 2, 4 and 2 shards; each pass on a machine of its own, and every run in flight meanwhile."""
    town.want("15s", *NAMES)
    machines = iter(range(100))

    def passes(count: int, *arguments: str) -> list[int]:
        shards = ("--pass-shards", str(count), "--pass-shard")
        started = [
            town.start("pass", *shards, str(index), *arguments, **town.own(next(machines)))
            for index in range(count)
        ]
        for process in started:
            process.communicate()
        return [process.returncode for process in started]

    for count in (1, 2, 4):
        assert passes(count, "--pass-budget", "0s") == [0] * count
    assert passes(2) == [0, 0]
    assert town.subjects() == Counter(f"{name} #1: Succeeded" for name in NAMES)
    for name in NAMES:
        record = json.loads(town.ledger_file(f"{name}/run.json"))
        assert [len(step["attempts"]) for step in record["steps"].values()] == [1, 1]
