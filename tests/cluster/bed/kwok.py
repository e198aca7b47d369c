"""Nodes and pods that are simulated: a real control plane, and kwok in the place of kubelets.

`stages.yaml` beside the tests says what pods do; annotations on a pod say how long and with what end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers
from tests.cluster.bed.control import ControlPlane
from tests.cluster.bed.daemon import Daemon, tool, until

STAGES = Path(__file__).parents[1] / "stages.yaml"
_PODS = 1000


@contextmanager
def running(plane: ControlPlane, nodes: int, stages: Path = STAGES) -> Iterator[Daemon]:
    """`nodes` simulated nodes, each with room for a thousand pods, which do what `stages` say."""
    port = servers.free_port()
    command = [
        tool("kwok"),
        f"--kubeconfig={plane.kubeconfig}",
        f"--config={stages}",
        "--v=WARN",  # one line for every change of a pod is too much
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        f"--server-address=127.0.0.1:{port}",
    ]
    plane.apply(*(_node(number) for number in range(1, nodes + 1)))
    daemon = Daemon("kwok", command, plane.house.logs / "kwok.log")
    try:
        until("the simulated nodes are ready", lambda: _all_ready(plane, nodes), alive=[daemon])
        yield daemon
    finally:
        daemon.stop(0)


def _all_ready(plane: ControlPlane, nodes: int) -> bool:
    query = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
    return plane.kubectl("get", "nodes", "--output", query).split() == ["True"] * nodes


def _node(number: int) -> dict[str, object]:
    room = {"cpu": "1000", "memory": "4Ti", "pods": str(_PODS), "ephemeral-storage": "100Ti"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"kwok-{number}",
            "labels": {"type": "kwok", "kubernetes.io/hostname": f"kwok-{number}"},
        },
        "status": {"allocatable": room, "capacity": room},
    }
