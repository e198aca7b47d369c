"""A volume that outlives pods, as a node's own directory is one: what claims of tests are bound to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cluster.bed.cluster import Cluster


def persistent(name: str, directory: Path, cluster: Cluster, *, bound_to: tuple[str, str]) -> dict[str, Any]:
    """A volume that is `directory` on the cluster's first node, for the claim of that namespace and name.

    The nodes of the bed see the files of the machine. Several pods may have it at once.
    """
    directory.mkdir(parents=True, exist_ok=True)
    namespace, claim = bound_to
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [cluster.nodes[0].name]}
    spec = {
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": claim},
        "local": {"path": str(directory)},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def claim(name: str, namespace: str) -> dict[str, Any]:
    """A claim that waits for a volume that is meant for it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
