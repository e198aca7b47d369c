"""The bridge that pods, nodes and the machine share: one flat network, no address translation.

The machine is its gateway, so what a test starts on that address (MinIO, a Git server) is reached by pods and
by the test under the same name. The API server listens on the address of the service `kubernetes`, which the
bridge carries as well: so clients in pods find it without kube-proxy. Other services have no address here.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network

from tests.cluster.bed.daemon import BedError, run, tool
from tests.cluster.bed.house import House

_NODES = 7
_CANDIDATES = [  # first the range that is set aside for benchmarks of networks
    IPv4Network(f"{top}.{third}.0/20")
    for top in ("198.18", "198.19", "10.213")
    for third in range(0, 256, 16)
]


@dataclass(frozen=True)
class Network:
    """A /20: the first half for nodes and pods, and after that a /24 for services."""

    bridge: str
    whole: IPv4Network

    @property
    def pods(self) -> IPv4Network:
        return next(self.whole.subnets(1))

    @property
    def services(self) -> IPv4Network:
        return list(self.whole.subnets(new_prefix=24))[8]

    @property
    def gateway(self) -> str:
        """The machine, as pods see it."""
        return str(self.pods[1])

    @property
    def api(self) -> str:
        """The API server, as pods and the machine see it."""
        return str(self.services[1])

    def node(self, number: int) -> str:
        """The address of node 1 to 7."""
        return str(self.pods[1 + number])

    def pods_of(self, number: int) -> IPv4Network:
        """The addresses of the pods on node 1 to 7."""
        return list(self.pods.subnets(new_prefix=24))[number]

    def attach(self, number: int, process: int) -> None:
        """Give the network namespace of `process` a bridge for its pods, joined to ours by a cable."""
        ip, cable = tool("ip"), f"{self.bridge}-{number}"
        subprocess.run(
            [ip, "link", "delete", cable], capture_output=True
        )  # the kernel takes its time with it
        run(ip, "link", "add", cable, "type", "veth", "peer", "name", "uplink", "netns", str(process))
        run(ip, "link", "set", cable, "master", self.bridge, "up")
        inside = f"""
            link set lo up
            link add cni0 address {self.hardware(number)} type bridge
            link set uplink master cni0 up
            link set cni0 up
            addr add {self.node(number)}/{self.pods.prefixlen} dev cni0
            route add default via {self.gateway}
        """
        run(tool("nsenter"), "--target", str(process), "--net", ip, "-batch", "-", stdin=inside)

    def hardware(self, number: int) -> str:
        """The address of a node's bridge, or with 0 of ours: fixed, for neighbours remember it.

        By itself a bridge takes the address of some cable, and another one when that comes or goes.
        """
        _, second, third, _ = self.pods.network_address.packed
        return f"02:00:00:{second:02x}:{third:02x}:{number:02x}"

    def cut(self, number: int, apart: bool) -> None:
        """Pull the cable of a node, or put it back."""
        run(tool("ip"), "link", "set", f"{self.bridge}-{number}", "down" if apart else "up")


@contextmanager
def bridged(house: House) -> Iterator[Network]:
    """A bridge on a range of addresses that nothing on this machine uses."""
    network = Network(house.bridge, _free_range(house.number))
    ip = tool("ip")
    run(ip, "link", "add", network.bridge, "address", network.hardware(0), "type", "bridge")
    try:
        run(ip, "addr", "add", f"{network.gateway}/{network.pods.prefixlen}", "dev", network.bridge)
        run(ip, "addr", "add", f"{network.api}/32", "dev", network.bridge)
        run(ip, "link", "set", network.bridge, "up")
        yield network
    finally:
        run(ip, "link", "delete", network.bridge)


def _free_range(first: int) -> IPv4Network:
    """Beds that start at the same time begin to look at different places."""
    routes = json.loads(run(tool("ip"), "-json", "-4", "route", "show", "table", "all"))
    taken = [
        ipaddress.ip_network(route["dst"], strict=False) for route in routes if route["dst"] != "default"
    ]
    for candidate in _CANDIDATES[first:]:
        if not any(candidate.overlaps(each) for each in taken):
            return candidate
    raise BedError("no free range of addresses for pods: `ip route show table all` covers all candidates")
