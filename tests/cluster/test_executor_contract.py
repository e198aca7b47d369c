"""The Kubernetes executor keeps the contract, with pods of a real kubelet, in both layouts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed.cluster import Cluster
from tests.servers import Server

pytest.register_assert_rewrite("tests.executors.contract")

from reconciler.model.workflow import ArtifactOutput  # noqa: E402
from tests.cluster.pod_house import PodHouse, house  # noqa: E402 - its asserts want to be explained too
from tests.executors.contract import FAILURE, ExecutorContract, call, failure, run, stored  # noqa: E402


class PodContract(ExecutorContract):
    """What is different: a container has its host's name, and is told where the API server is."""

    variables = frozenset(
        {"PATH", "HOME", "TMPDIR", "HOSTNAME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}
        | {"KUBERNETES_SERVICE_PORT_HTTPS", "KUBERNETES_PORT", "KUBERNETES_PORT_443_TCP"}
        | {"KUBERNETES_PORT_443_TCP_PROTO", "KUBERNETES_PORT_443_TCP_PORT", "KUBERNETES_PORT_443_TCP_ADDR"}
    )
    layout = ""

    @pytest.fixture
    def house(self, cluster: Cluster, minio: Server, namespace: str, tmp_path: Path) -> Iterator[PodHouse]:
        found = house(cluster, namespace, tmp_path, minio, layout=self.layout)
        yield found
        found.close()


class TestSidecar(PodContract):
    layout = "sidecar"


class TestChain(PodContract):
    layout = "chain"

    def test_the_outputs_of_a_failed_command_are_kept(self, house: PodHouse) -> None:
        """Here they are not: nothing runs after a step that failed. Its log is kept all the same."""
        asked = call(
            "a", "echo half >p; echo so", "exit 9", artifact_outputs=(ArtifactOutput("partial", "p"),)
        )
        observation = run(house.open(), asked)
        assert failure(observation) == (FAILURE, "ExitCode")
        assert observation.outputs.artifacts == {}
        assert stored(house.store, observation.log) == b"so\n"
