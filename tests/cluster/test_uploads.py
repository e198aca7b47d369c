"""What may happen while an agent stores outputs: the store away, the agent killed, no time left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.processes import cgroups, command_line, command_lines
from tests.servers import Server

pytest.register_assert_rewrite("tests.executors.contract")

from reconciler.model.run import StepCall  # noqa: E402
from reconciler.model.workflow import ArtifactOutput  # noqa: E402
from tests.cluster.pod_house import PodHouse, house  # noqa: E402
from tests.executors.contract import INFRASTRUCTURE, call, failure, said, seen, stored  # noqa: E402

AWAY = 30.0
"""Seconds for which the store does not answer."""

PATIENCE = 300.0
UPLOADING = b"python\0-m\0reconciler.agent\0put\0"


@pytest.fixture
def store(minio: Server) -> Iterator[Server]:
    """The store, which a test may freeze; it is itself again afterwards."""
    yield minio
    minio.thaw()


@pytest.fixture
def make_house(
    cluster: Cluster, store: Server, namespace: str, tmp_path: Path
) -> Iterator[Callable[..., PodHouse]]:
    made: list[PodHouse] = []

    def make(**more: Any) -> PodHouse:
        made.append(house(cluster, namespace, tmp_path, store, **{"patience": 120.0, **more}))
        return made[-1]

    yield make
    store.thaw()
    for each in made:
        each.close()


def leaves_a_file() -> StepCall:
    """A step that says when it is up, ends when it is told to, and leaves one file."""
    lines = ("echo up", "until [ -e /tmp/go ]; do sleep 0.1; done", "echo content > out.txt")
    return call("a", *lines, artifact_outputs=(ArtifactOutput("out", "out.txt"),))


def let_go(cluster: Cluster, namespace: str) -> str:
    """Tell the step that it may end; the UID of its pod."""
    form = "jsonpath={.items[*].metadata.name} {.items[*].metadata.uid}"
    pod, uid = cluster.kubectl("get", "pods", "--namespace", namespace, "--output", form).split()
    cluster.kubectl("exec", "--namespace", namespace, pod, "--container", "main", "--", "touch", "/tmp/go")
    return uid


def uploading(pod: str) -> int:
    """The agent of the pod with this UID, once it is past its waiting. Other clusters on this machine have
    agents too, so the process's cgroup tells whose it is."""
    deadline = time.monotonic() + PATIENCE
    while not (found := [pid for pid, line in command_lines() if line == UPLOADING and _is_in(pod, pid)]):
        assert time.monotonic() < deadline, "no agent began to store anything"
        time.sleep(0.05)
    (agent,) = found
    return agent


def _is_in(pod: str, pid: int) -> bool:
    return f"/pod{pod}/".encode() in cgroups(pid)


def test_a_store_that_is_away_for_half_a_minute_costs_nothing(
    make_house: Callable[..., PodHouse], store: Server, cluster: Cluster, namespace: str
) -> None:
    home = make_house()
    executor, asked = home.open(), leaves_a_file()
    executor.launch(asked)
    said(executor, asked.key, b"up\n")
    store.freeze()
    uploading(let_go(cluster, namespace))
    back = Timer(AWAY, store.thaw)
    back.start()
    found = seen(executor, asked.key)
    back.join()
    assert failure(found) == (None, ""), found.message
    assert stored(home.store, found.outputs.artifacts["out"]) == b"content\n"


def test_an_upload_that_takes_longer_than_the_budget_is_the_clusters_failure(
    make_house: Callable[..., PodHouse], store: Server, cluster: Cluster, namespace: str
) -> None:
    home = make_house(upload_budget=5.0)
    executor, asked = home.open(), leaves_a_file()
    executor.launch(asked)
    said(executor, asked.key, b"up\n")
    store.freeze()
    agent = uploading(let_go(cluster, namespace))
    _until_gone(agent)
    store.thaw()
    found = seen(executor, asked.key)
    assert (found.exit_code, *failure(found)) == (0, INFRASTRUCTURE, "UploadFailed")
    assert "kubernetes.upload_budget" in found.message
    assert found.log_tail == "up\n"


def test_an_agent_that_is_killed_while_it_stores_is_the_clusters_failure(
    make_house: Callable[..., PodHouse], store: Server, cluster: Cluster, namespace: str
) -> None:
    executor, asked = make_house().open(), leaves_a_file()
    executor.launch(asked)
    said(executor, asked.key, b"up\n")
    store.freeze()
    agent = uploading(let_go(cluster, namespace))
    os.kill(agent, signal.SIGKILL)
    _until_gone(agent)
    store.thaw()
    found = seen(executor, asked.key)
    assert (found.exit_code, *failure(found)) == (0, INFRASTRUCTURE, "UploadFailed")
    assert found.outputs.artifacts == {}


def _until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while command_line(pid) == UPLOADING:
        assert time.monotonic() < deadline, "the agent goes on"
        time.sleep(0.05)


def test_a_step_that_fills_its_volume_is_evicted_and_one_that_fills_memory_is_told(
    make_house: Callable[..., PodHouse],
) -> None:
    """The kubelet evicts a pod whose emptyDir grew too large; one in memory takes no more."""
    executor = make_house().open()
    disk = {"name": "full", "mountPath": "/full", "emptyDir": {"sizeLimit": "4Mi"}}
    fill = "dd if=/dev/zero of=/full/it bs=1M count=16"
    on_disk = call("disk", fill, "sleep 600", pod={"volumes": [disk]})
    memory = {**disk, "emptyDir": {"sizeLimit": "4Mi", "medium": "Memory"}}
    in_memory = call("memory", fill, pod={"volumes": [memory]})
    executor.launch(on_disk)
    executor.launch(in_memory)
    told, evicted = seen(executor, in_memory.key), seen(executor, on_disk.key)
    assert (told.exit_code, told.failure, told.reason) == (1, "failure", "ExitCode")
    assert "No space left on device" in told.log_tail
    assert failure(evicted) == (INFRASTRUCTURE, "Evicted")
    assert "4Mi" in evicted.message
