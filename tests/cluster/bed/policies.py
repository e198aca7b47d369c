"""Has a node keep to NetworkPolicies, as its network by itself does not: kube-router, as a firewall alone.

What pods send each other goes over bridges, and passes no firewall until the kernel is told to hand it over;
that is set for the node's own network, and taken back at the end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.bed.daemon import Daemon, missing, run, tool, until
from tests.cluster.bed.node import Node

_BRIDGED = "/proc/sys/net/bridge/bridge-nf-call-iptables"
_FIREWALL = (
    "--run-firewall=true",
    "--run-router=false",
    "--run-service-proxy=false",
    "--run-loadbalancer=false",
)


@contextmanager
def enforced(node: Node) -> Iterator[None]:
    """Policies hold on `node` until the block ends; a moment after each change of pods and policies."""
    for program in ("iptables", "ipset"):
        tool(program)
    if not Path(_BRIDGED).exists():
        missing("this kernel hands nothing of bridges to a firewall (modprobe br_netfilter)")
    command = [
        *node.inside(tool("kube-router"), *_FIREWALL),
        f"--kubeconfig={node.plane.kubeconfig}",
        f"--hostname-override={node.name}",
        f"--service-cluster-ip-range={node.network.services}",
        "--health-port=0",
    ]
    run(*node.inside("sh", "-c", f"echo 1 > {_BRIDGED}"))
    daemon = Daemon(
        f"{node.name} kube-router", command, node.plane.house.logs / f"{node.name}-kube-router.log"
    )
    try:
        until("the firewall is there", lambda: "KUBE-ROUTER-FORWARD" in _rules(node), alive=[daemon])
        yield
    finally:
        if daemon.alive:  # what nsenter runs does not end with nsenter
            os.kill(daemon.child(), signal.SIGKILL)
        daemon.stop()
        run(*node.inside("sh", "-c", f"echo 0 > {_BRIDGED}; iptables -F && iptables -X && ipset destroy"))


def _rules(node: Node) -> str:
    return run(*node.inside("iptables", "--list-rules"))
