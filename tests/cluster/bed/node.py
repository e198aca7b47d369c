"""A node: containerd and a kubelet, in namespaces of their own, joined to the bed's bridge by a cable.

Mounts, processes and network of a node are its own: `crash` ends all of them at once, as a power cut does,
nothing of them is left on the machine, and a containerd of the machine's own is not met. Only the kernel and
the cgroup hierarchies are shared; the pods are in a cgroup that the bed removes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.bed import keys as keys_of
from tests.cluster.bed import node_config
from tests.cluster.bed.control import ControlPlane, Times
from tests.cluster.bed.daemon import BedError, Daemon, missing, run, tool, until
from tests.cluster.bed.images import Image
from tests.cluster.bed.network import Network

_CNI_PLACES = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class Node:
    """Node 1 to 7 of a cluster; runs between `start` and `crash`, any number of times."""

    number: int
    plane: ControlPlane
    network: Network
    images: Sequence[Image]
    times: Times
    daemons: dict[str, Daemon] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return keys_of.name_of(self.number)

    @property
    def directory(self) -> Path:
        return self.plane.house.room(self.name)

    def start(self) -> None:
        """Power on; returns when the node is Ready and has its images."""
        self._make_cgroup()
        _write(
            self.directory / "cni" / "10-bed.conflist", json.dumps(node_config.cni(self.network, self.number))
        )
        self._start_containerd()
        self._import_images()
        self.start_kubelet()
        until(f"{self.name} is ready", self.is_ready, alive=list(self.daemons.values()))

    def crash(self) -> None:
        """Power off without a word to anybody. What containers wrote to their node stays on its disk."""
        self.stop_kubelet()
        self._reap("containerd")
        self.plane.house.clear_cgroup(self.name)

    def start_kubelet(self) -> None:
        """Start the kubelet (again)."""
        config = self.directory / "kubelet.json"
        # Nobody answers there, so names fail at once; without a server, pods would get those of the machine.
        _write(self.directory / "resolv.conf", f"nameserver {self.network.gateway}\n")
        _write(config, json.dumps(self._configuration()))
        kubeconfig = keys_of.kubeconfig(
            self.directory / "kubeconfig",
            self.plane.server,
            Path(self.plane.keys.path("ca.crt")),
            self.plane.keys.token_of(self.number),
        )
        flags = {
            "config": config,
            "kubeconfig": kubeconfig,
            "node-ip": self.network.node(self.number),
            "hostname-override": self.name,
            "root-dir": self.directory / "kubelet",
            "cert-dir": self.directory / "pki",
        }
        told = (f"--{name}={value}" for name, value in flags.items())
        self._start("kubelet", self.inside(tool("kubelet"), *told))

    def stop_kubelet(self) -> None:
        """Kill the kubelet; containers go on. The control plane hears nothing of the node any more."""
        if "kubelet" in self.daemons and self.daemons["kubelet"].alive:
            os.kill(self.daemons["kubelet"].child(), 9)
        self._reap("kubelet")

    def cut(self) -> None:
        """Pull the network cable: pods and kubelet go on, and reach nobody."""
        self.network.cut(self.number, apart=True)

    def mend(self) -> None:
        """Put the network cable back."""
        self.network.cut(self.number, apart=False)

    def inside(self, *command: str) -> list[str]:
        """The command, to be run in the namespaces of the node."""
        return [tool("nsenter"), "--target", str(self._init()), "--mount", "--net", "--pid", *command]

    def speak_plainly_to(self, address: str, host: str) -> None:
        """Let containerd ask the registry at `address` as its `hosts.toml` says."""
        _write(self.directory / "registries" / address / "hosts.toml", host)

    def ctr(self, *args: str) -> str:
        """What containerd's own client prints."""
        return run(tool("ctr"), "--address", str(self.directory / "sock"), "--namespace", "k8s.io", *args)

    def is_ready(self) -> bool:
        """Whether the control plane takes it for Ready."""
        return self._condition() == "True"

    def is_lost(self) -> bool:
        """Whether the control plane has noticed that it is gone."""
        return self._condition() == "Unknown"

    def _condition(self) -> str:
        answer = self.plane.get(f"/api/v1/nodes/{self.name}")
        conditions = json.loads(answer or "{}").get("status", {}).get("conditions", [])
        return next((each["status"] for each in conditions if each["type"] == "Ready"), "")

    def _start(self, name: str, command: Sequence[str]) -> None:
        self.daemons[name] = Daemon(
            f"{self.name} {name}", command, self.plane.house.logs / f"{self.name}-{name}.log"
        )

    def _reap(self, name: str) -> None:
        daemon = self.daemons.pop(name, None)
        if daemon:
            daemon.stop(0)

    def _init(self) -> int:
        return self.daemons["containerd"].child()

    def _start_containerd(self) -> None:
        config = self.directory / "containerd.toml"
        _write(config, node_config.containerd(self.directory, _cni_plugins()))
        unshare = [tool("unshare"), "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        init = str(Path(__file__).with_name("node-init"))
        self._start("containerd", [*unshare, init, str(self.directory), tool("containerd"), str(config)])
        self.network.attach(self.number, self._init())
        socket = self.directory / "sock"
        socket.unlink(missing_ok=True)
        until(
            f"containerd of {self.name} is ready",
            self._containerd_answers,
            alive=[self.daemons["containerd"]],
        )

    def _containerd_answers(self) -> bool:
        try:
            return bool(self.ctr("version"))
        except BedError:
            return False

    def _import_images(self) -> None:
        known = set(self.ctr("images", "list", "--quiet").split())
        for image in self.images:
            if not known.issuperset(image.names):
                self.ctr("images", "import", "--no-unpack", str(image.archive))

    def _configuration(self) -> dict[str, object]:
        return node_config.kubelet(
            directory=self.directory,
            address=self.network.node(self.number),
            authority=self.plane.keys.path("ca.crt"),
            cgroup="/" + self.plane.house.cgroup + self.name,
            lease=self.times.lease,
        )

    def _make_cgroup(self) -> None:
        """In each hierarchy of cgroup v1, or in the one of v2, with the controllers for those below it."""
        name = self.plane.house.cgroup + self.name
        tops = [_CGROUPS] if (_CGROUPS / "cgroup.controllers").exists() else _hierarchies()
        for top in tops:
            (top / name).mkdir(exist_ok=True)
            controllers = top / "cgroup.controllers"
            if controllers.exists():
                wanted = " ".join(f"+{each}" for each in controllers.read_text().split())
                (top / name / "cgroup.subtree_control").write_text(wanted)
            for each in ("cpuset.cpus", "cpuset.mems"):  # v1: empty in a new cgroup, and so of no use
                if (top / each).exists() and not (top / "cgroup.controllers").exists():
                    (top / name / each).write_text((top / each).read_text())


@contextmanager
def running(
    number: int, plane: ControlPlane, network: Network, images: Sequence[Image], times: Times | None = None
) -> Iterator[Node]:
    """A node that is Ready; it ends with the block. The control plane is not told."""
    node = Node(number, plane, network, images, times or Times())
    try:
        node.start()
        yield node
    finally:
        node.crash()


def _hierarchies() -> list[Path]:
    lines = Path("/proc/mounts").read_text().splitlines()
    return [Path(line.split()[1]) for line in lines if line.split()[2] == "cgroup"]


def _cni_plugins() -> str:
    for place in _CNI_PLACES:
        if Path(place, "bridge").exists():
            return place
    return missing("the CNI plugins are not installed (on Debian: apt install containernetworking-plugins)")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
