"""`make dev-cluster`: the cluster of the tests, for a person to try things on, until Ctrl-C.

It prints what to export; a chart or a pass from this checkout then finds the cluster, the store and the image.
"""

from __future__ import annotations

import signal
import sys

from tests import servers
from tests.cluster.bed import cluster as beds
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import BedError

_TEXT = """\
A cluster with one node runs, with MinIO beside it. Paste this into another shell:

  export PATH={tools}:$PATH
  export KUBECONFIG={kubeconfig}
  export RECONCILER_ARTIFACTS_URL=s3://{bucket}
  export RECONCILER_ARTIFACTS_ENDPOINT=http://{endpoint}
  export AWS_ACCESS_KEY_ID={access_key}
  export AWS_SECRET_ACCESS_KEY={secret_key}
  export AGENT_IMAGE={image}

Pods reach this machine at {gateway}; names are not resolved in them. The node has the images
{images}
and pulls no others. The namespace `jobs` is there for workflows; it enforces Pod Security `restricted`.
Logs are in {logs}.

Ctrl-C ends all of it, and leaves nothing.
"""


def _introduction(cluster: Cluster, store: servers.Server) -> str:
    return _TEXT.format(
        tools=".testbed/bin",
        kubeconfig=cluster.kubeconfig,
        bucket=servers.BUCKET,
        endpoint=store.access.endpoint,
        access_key=store.access.access_key,
        secret_key=store.access.secret_key,
        image=cluster.agent_image,
        gateway=cluster.gateway,
        images="".join(f"  {name}\n" for image in cluster.images for name in image.names).rstrip(),
        logs=cluster.plane.house.logs,
    )


def main() -> int:
    """Run until SIGINT or SIGTERM; 1 where the cluster could not be made."""
    try:
        with beds.real("dev") as cluster, beds.object_store(cluster, cluster.plane.house.room("minio")) as store:
            cluster.make_namespace("jobs")
            print(_introduction(cluster, store), flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except BedError as error:
        print(f"dev-cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
