"""All parts together: what the fixtures hand to the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers
from tests.cluster.bed import control, house, images, keys, kwok, network, node
from tests.cluster.bed.control import ControlPlane, Flags, Place, Times
from tests.cluster.bed.daemon import BedError, missing
from tests.cluster.bed.images import Image
from tests.cluster.bed.network import Network
from tests.cluster.bed.node import Node

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


@dataclass
class Cluster:
    """A running cluster. `kubeconfig` is the administrator's; pods reach the machine at `gateway`."""

    plane: ControlPlane
    gateway: str
    network: Network | None = None
    images: list[Image] = field(default_factory=list)
    times: Times = field(default_factory=Times)
    nodes: list[Node] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.plane.kubeconfig

    @property
    def server(self) -> str:
        """The address of the API server, the same from the machine and from pods."""
        return self.plane.server

    @property
    def agent_image(self) -> str:
        """The image made from the project's Containerfile, as the nodes know it."""
        if not self.images:
            raise BedError("the nodes of this cluster are simulated; they have no images")
        return self.images[-1].names[0]

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """What kubectl prints, as administrator; BedError with its message where it fails."""
        return self.plane.kubectl(*args, stdin=stdin)

    def make_namespace(self, name: str) -> str:
        """A namespace that enforces the Pod Security standard `restricted`."""
        self.plane.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        )
        return name

    def end_namespace(self, name: str) -> None:
        """Delete a namespace without waiting; pods that hold a finalizer lose it."""
        pods = self.kubectl("get", "pods", "--namespace", name, "--output", "name").split()
        self.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
        if pods:
            self.kubectl(
                "delete", "--namespace", name, "--force", "--wait=false", "--ignore-not-found", *pods
            )
            self._drop_finalizers(name)

    def _drop_finalizers(self, namespace: str) -> None:
        query = "jsonpath={range .items[?(@.metadata.finalizers)]}{.metadata.name}{'\\n'}{end}"
        for name in self.kubectl("get", "pods", "--namespace", namespace, "--output", query).split():
            patch = '{"metadata":{"finalizers":null}}'
            self.kubectl("patch", "pod", name, "--namespace", namespace, "--type=merge", "--patch", patch)

    @contextmanager
    def another_node(self) -> Iterator[Node]:
        """One more real node, for a test that breaks it; the cluster forgets it at the end."""
        if self.network is None:
            raise BedError("the nodes of this cluster are simulated")
        number = 1 + max(each.number for each in self.nodes)
        try:
            with node.running(number, self.plane, self.network, self.images, self.times) as started:
                self.nodes.append(started)
                yield started
        finally:
            self.nodes = [each for each in self.nodes if each.number != number]
            self.plane.forget_node(keys.name_of(number))


@contextmanager
def real(
    name: str, nodes: int = 1, times: Times | None = None, flags: Flags | None = None
) -> Iterator[Cluster]:
    """A cluster with kubelets that run pods; needs root. `name` is where its logs are, in .testbed/logs."""
    if os.geteuid() != 0:
        missing("a kubelet needs root; run the cluster tests as root")
    made, times = images.all_images(), times or Times()
    with ExitStack() as stack:
        home = stack.enter_context(house.opened(name))
        net = stack.enter_context(network.bridged(home))
        place = Place(net.api, 443, str(net.services), net.gateway)
        plane = stack.enter_context(control.running(home, place, times, flags))
        cluster = Cluster(plane, net.gateway, net, made, times)
        for number in range(1, nodes + 1):
            cluster.nodes.append(stack.enter_context(node.running(number, plane, net, made, times)))
        yield cluster


@contextmanager
def simulated(
    name: str, nodes: int = 5, stages: Path = kwok.STAGES, flags: Flags | None = None
) -> Iterator[Cluster]:
    """A cluster with kwok's nodes: pods take no machine, and do what `stages` say. Root is not needed."""
    with ExitStack() as stack:
        home = stack.enter_context(house.opened(name))
        place = Place("127.0.0.1", servers.free_port(), "10.0.0.0/24")
        plane = stack.enter_context(control.running(home, place, flags=flags))
        stack.enter_context(kwok.running(plane, nodes, stages))
        yield Cluster(plane, "127.0.0.1")


@contextmanager
def object_store(cluster: Cluster, directory: Path) -> Iterator[servers.Server]:
    """MinIO at the gateway: the address in its `access` is good for the machine and for pods."""
    with servers.running("minio", directory, host=cluster.gateway) as server:
        yield server
