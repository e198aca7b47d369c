"""Kubernetes executors on a namespace of a real cluster, with a store of their own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.artifacts import ArtifactStore, S3Access, open_store
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


def house(cluster: Cluster, minio: Server, namespace: str, directory: Path, **more: Any) -> PodHouse:
    """Executors whose store is a folder of the bucket named after the namespace; its Secret is made."""
    access = minio.access
    url = f"s3://{access.bucket}/{namespace}"
    keys = {"access-key": access.access_key, "secret-key": access.secret_key}
    cluster.plane.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": namespace},
            "stringData": keys,
        }
    )
    options = KubernetesOptions(
        namespace=namespace,
        kubeconfig=str(cluster.kubeconfig),
        image=BUSYBOX,
        agent_image=cluster.agent_image,
        pull_policy="Never",
        grace=1.0,
        patience=5.0,
        store=StoreAccess(url, access.endpoint, access.region, secure=access.secure, secret=SECRET),
    )
    return PodHouse(directory, replace(options, **more), open_store(url, _without_bucket(access)))


def _without_bucket(access: S3Access) -> S3Access:
    return replace(access, bucket="")
