"""Images of a private registry: pulled with the Secret that a step names; without it, the cause is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.executors.kubernetes.options import Policy
from reconciler.model.workflow import FailureClass
from tests.cluster.bed import images, registry
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.registry import Registry

pytest.register_assert_rewrite("tests.executors.contract")

from tests.cluster.pod_house import house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import call, run  # noqa: E402


@pytest.fixture
def private(cluster: Cluster) -> Iterator[Registry]:
    """A registry that the node may ask."""
    with registry.private(cluster.gateway, images.busybox()) as found:
        cluster.nodes[0].speak_plainly_to(found.address, found.host)
        yield found


def test_an_image_is_pulled_with_the_secret_that_the_step_names(
    cluster: Cluster, namespace: str, private: Registry, tmp_path: Path
) -> None:
    allowed = Policy(pull_secrets=("registry",))
    home = house(cluster, namespace, tmp_path, policy=allowed, pull_policy="Always", start_patience=20.0)

    refused = run(home.open(start_patience=1.0), call("a", "echo ran", image=private.image))
    assert (refused.failure, refused.reason) == (FailureClass.FAILURE, "ImagePullBackOff")
    assert private.image in refused.message

    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
    metadata = {"name": "registry", "namespace": namespace}
    login = {".dockerconfigjson": private.login}
    cluster.plane.apply({**secret, "metadata": metadata, "stringData": login})
    pod = {"imagePullSecrets": ["registry"]}
    found = run(home.open(), call("b", "echo ran", image=private.image, pod=pod))
    home.close()
    assert (found.reason, found.message, found.log_tail) == ("", "", "ran\n")
