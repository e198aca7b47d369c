"""The chart's NetworkPolicy for steps, on a node that keeps to it: they reach what is listed, nobody them."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reconciler.executors.kubernetes import names
from reconciler.model.workflow import ArtifactOutput
from tests import servers
from tests.cluster import charts
from tests.cluster.bed import policies
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import run, tool, until

pytest.register_assert_rewrite("tests.executors.contract")

from tests.cluster.pod_house import PodHouse, house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import call, said, seen  # noqa: E402

INSTANCE = "flows-reconciler"
PORT = 8080


@pytest.fixture(scope="module")
def strict(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, with policies that hold."""
    with policies.enforced(cluster.nodes[0]):
        yield cluster


@pytest.fixture
def home(strict: Cluster, minio: servers.Server, namespace: str, tmp_path: Path) -> Iterator[PodHouse]:
    found = house(strict, namespace, tmp_path, minio, instance=INSTANCE, grace=1.0)
    yield found
    found.close()


def restrict(cluster: Cluster, namespace: str, **values: object) -> None:
    """Apply the policy of the chart for steps."""
    given = {"networkPolicy": {"enabled": True, **values}, "workflows": {"namespace": namespace}}
    cluster.plane.apply(charts.one(charts.rendered(given), "NetworkPolicy", f"{INSTANCE}-steps"))


@contextmanager
def listening(host: str) -> Iterator[int]:
    """A port of the machine, on that address, that takes connections and closes them."""
    with socketserver.TCPServer((host, 0), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, name="listening", daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_step_reaches_the_store_and_nothing_else_and_nobody_reaches_it(
    strict: Cluster, namespace: str, minio: servers.Server, home: PodHouse
) -> None:
    store = int(minio.access.endpoint.rpartition(":")[2])
    restrict(strict, namespace, internet=False, storePorts=[store])
    with listening(strict.gateway) as other:
        asked = call(
            "a",
            f"httpd -p {PORT} -h /tmp",
            # The rules take a moment; then that port is closed.
            f"while nc -w 2 {strict.gateway} {other} </dev/null 2>/dev/null; do sleep 0.1; done",
            f"nc -w 5 {strict.gateway} {store} </dev/null && echo the store",
            "echo looked",
            "until test -e /tmp/seen; do sleep 0.1; done",
            artifact_outputs=(ArtifactOutput("x", "x", optional=True),),
        )
        executor = home.open()
        executor.launch(asked)
        assert said(executor, asked.key, b"looked\n") == b"the store\nlooked\n"
    pod = names.pod_name(asked.key)
    where = ("--namespace", namespace)
    address = json.loads(strict.kubectl("get", "pod", pod, *where, "--output", "json"))["status"]["podIP"]
    assert not answers(address)
    strict.kubectl("delete", "networkpolicy", f"{INSTANCE}-steps", *where)
    until("without the policy it is reached", lambda: answers(address))
    strict.kubectl("exec", *where, pod, "--container", "main", "--", "touch", "/tmp/seen")
    assert seen(executor, asked.key).reason == ""


@pytest.fixture
def private(strict: Cluster) -> Iterator[str]:
    """An address of the machine out of a private range; pods find it by way of their gateway."""
    assert strict.network is not None
    address = ("100.64.99.1/32", "dev", strict.network.bridge)
    run(tool("ip"), "address", "add", *address)
    yield "100.64.99.1"
    run(tool("ip"), "address", "delete", *address)


def test_the_internet_is_not_what_is_private_to_clusters_and_clouds(
    strict: Cluster, namespace: str, home: PodHouse, private: str
) -> None:
    """The bed's own addresses are none of the private ones."""
    restrict(strict, namespace, internet=True)
    with listening(private) as inner, listening(strict.gateway) as outer:
        asked = call(
            "a",
            f"while nc -w 2 {private} {inner} </dev/null 2>/dev/null; do sleep 0.1; done",
            f"nc -w 5 {strict.gateway} {outer} </dev/null && echo the internet",
        )
        executor = home.open()
        executor.launch(asked)
        found = seen(executor, asked.key)
    assert (found.reason, found.log_tail) == ("", "the internet\n")


def answers(address: str) -> bool:
    """Whether the step takes a connection."""
    try:
        with closing(socket.create_connection((address, PORT), timeout=1)):
            return True
    except OSError:
        return False
