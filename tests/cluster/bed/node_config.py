"""What the programs of a node are told: values for the kubelet, containerd and the network plugins."""

from __future__ import annotations

import resource
from pathlib import Path

from tests.cluster.bed.daemon import run
from tests.cluster.bed.images import PAUSE
from tests.cluster.bed.network import Network


def cni(network: Network, number: int) -> dict[str, object]:
    """Pods get addresses from the range of their node, on the bridge inside it; no address translation."""
    pods = network.pods_of(number)
    span = {
        "subnet": str(network.pods),
        "rangeStart": str(pods[1]),
        "rangeEnd": str(pods[-2]),
        "gateway": network.gateway,
    }
    routes = [{"dst": "0.0.0.0/0"}]
    ipam = {"type": "host-local", "dataDir": "/run/cni", "ranges": [[span]], "routes": routes}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": False, "ipMasq": False, "ipam": ipam}
    return {"cniVersion": "0.4.0", "name": "bed", "plugins": [bridge]}


def kubelet(directory: Path, address: str, authority: str, cgroup: str, lease: int) -> dict[str, object]:
    """All files below the node's directory, nothing evicted for want of room, no power over the machine."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "healthzBindAddress": address,
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": authority}},
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{directory / 'sock'}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # a lower one needs CAP_SYS_RESOURCE
        "maxOpenFiles": min(1000000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        "maxPods": 200,
        "makeIPTablesUtilChains": False,
        "evictionHard": {
            "memory.available": "0%",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageMinimumGCAge": "24h",
        "nodeLeaseDurationSeconds": lease,
        "podLogsDir": str(directory / "pods"),
        "resolvConf": str(directory / "resolv.conf"),
        "volumePluginDir": str(directory / "volume-plugins"),
    }


def containerd(directory: Path, plugins: str) -> str:
    """All below one directory, nothing that needs CAP_SYS_RESOURCE, no registry but those of tests."""
    on_overlay = run("stat", "--file-system", "--format", "%T", str(directory)).strip() == "overlayfs"
    return f"""version = 2
root = "{directory}/containerd"
state = "{directory}/run"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{directory}/sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{"native" if on_overlay else "overlayfs"}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{directory}/registries"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{directory}/cni"
"""
