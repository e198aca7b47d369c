"""Kubernetes executors on a namespace of a real cluster, with a store of their own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.artifacts import ArtifactStore, S3Access, open_store
from reconciler.artifacts.directory import DirectoryStore
from reconciler.executors.kubernetes.executor import KubernetesExecutor
from reconciler.executors.kubernetes.options import KubernetesOptions, StoreAccess
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.images import BUSYBOX
from tests.executors.contract import parse
from tests.servers import Server

SECRET = "reconciler-s3"


@dataclass
class PodHouse:
    """A namespace, and the executors opened on it."""

    directory: Path
    options: KubernetesOptions
    store: ArtifactStore
    absolute_paths: bool = True
    opened: list[KubernetesExecutor] = field(default_factory=list)

    def open(self, **changed: Any) -> KubernetesExecutor:
        executor = KubernetesExecutor(self.directory, self.store, parse, replace(self.options, **changed))
        self.opened.append(executor)
        return executor

    def close(self) -> None:
        for executor in self.opened:
            executor.close()


def house(
    cluster: Cluster, namespace: str, directory: Path, minio: Server | None = None, **more: Any
) -> PodHouse:
    """Executors in a namespace. Their store is a folder of the bucket named after it; or, without MinIO, a
    directory, which no agent can reach."""
    options = KubernetesOptions(
        namespace=namespace,
        kubeconfig=str(cluster.kubeconfig),
        image=BUSYBOX,
        pull_policy="Never",
        grace=1.0,
        patience=5.0,
    )
    if minio is None:
        return PodHouse(directory, replace(options, **more), DirectoryStore(directory / "store"))
    access = minio.access
    url = f"s3://{access.bucket}/{namespace}"
    cluster.plane.apply(store_secret(access, namespace))
    options = replace(
        options,
        agent_image=cluster.agent_image,
        store=StoreAccess(url, access.endpoint, access.region, secure=access.secure, secret=SECRET),
    )
    return PodHouse(directory, replace(options, **more), open_store(url, replace(access, bucket="")))


def store_secret(access: S3Access, namespace: str) -> dict[str, Any]:
    """The Secret with the keys to the store that agents mount."""
    keys = {"access-key": access.access_key, "secret-key": access.secret_key}
    metadata = {"name": SECRET, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys}
