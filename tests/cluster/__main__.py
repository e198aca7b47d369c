"""`make dev-cluster`: the cluster of the tests, for a person to try things on, until Ctrl-C.

It prints what to export; a chart or a pass from this checkout then finds the cluster, the store, the image.
"""

from __future__ import annotations

import signal
import sys

import pytest

from tests import servers
from tests.cluster.bed import cluster as beds
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import BedError

_NAMESPACE = "jobs"
_TEXT = """\
A cluster with one node runs, with MinIO beside it. Paste this into another shell, in the checkout:

  export PATH=$PWD/.venv/bin:$PWD/.testbed/bin:$PATH
  export KUBECONFIG={kubeconfig}
  export RECONCILER_EXECUTOR_NAME=kubernetes
  export RECONCILER_KUBERNETES_NAMESPACE={namespace}
  export RECONCILER_KUBERNETES_AGENT_IMAGE={image}
  export RECONCILER_STORE_URL=s3://{bucket}
  export RECONCILER_STORE_ENDPOINT={endpoint}
  export RECONCILER_STORE_SECURE=false
  export RECONCILER_STORE_ACCESS_KEY={access_key}
  export RECONCILER_STORE_SECRET_KEY={secret_key}

The namespace `{namespace}` enforces Pod Security `restricted` and has the Secret `reconciler-s3` with the
keys of the store. Pods reach this machine at {gateway}; no name is resolved in them. The node has these
images, and can pull no others:
{images}
Logs are in {logs}. Ctrl-C ends all of it, and leaves nothing.
"""


def _introduction(cluster: Cluster, store: servers.Server) -> str:
    return _TEXT.format(
        kubeconfig=cluster.kubeconfig,
        namespace=_NAMESPACE,
        image=cluster.agent_image,
        bucket=servers.BUCKET,
        endpoint=store.access.endpoint,
        access_key=store.access.access_key,
        secret_key=store.access.secret_key,
        gateway=cluster.gateway,
        images="".join(f"  {name}\n" for image in cluster.images for name in image.names).rstrip(),
        logs=cluster.plane.house.logs,
    )


def _furnish(cluster: Cluster, store: servers.Server) -> None:
    """The namespace for workflows, with the keys of the store."""
    cluster.make_namespace(_NAMESPACE)
    keys = {"access-key": store.access.access_key, "secret-key": store.access.secret_key}
    metadata = {"name": "reconciler-s3", "namespace": _NAMESPACE}
    cluster.plane.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys})


def main() -> int:
    """Run until SIGINT or SIGTERM; 1 where the cluster could not be made."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            beds.real("dev") as cluster,
            beds.object_store(cluster, cluster.plane.house.room("minio")) as store,
        ):
            _furnish(cluster, store)
            print(_introduction(cluster, store), flush=True)
            signal.pause()
    except BedError as error:
        print(f"dev-cluster: {error}", file=sys.stderr)
        return 1
    except pytest.skip.Exception as lacking:  # how the bed says that a program is missing
        print(f"dev-cluster: {lacking}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
