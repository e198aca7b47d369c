"""What the cluster tests stand on: clusters that live as long as the session, and a namespace for each test.

`make test-cluster` runs them, in two processes with clusters of their own, each file in one of them;
`make test` does not come here (pyproject.toml).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests import servers
from tests.cluster.bed import cluster as beds
from tests.cluster.bed.cluster import Cluster

pytest.register_assert_rewrite("tests.executors.contract")  # before any of the tests imports it

_NUMBERS = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/cluster" in item.path.as_posix():
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with one real node."""
    with beds.real("cluster") as running:
        yield running


@pytest.fixture(scope="session")
def kwok_cluster() -> Iterator[Cluster]:
    """A cluster with five simulated nodes, a thousand pods each."""
    with beds.simulated("kwok") as running:
        yield running


@pytest.fixture(scope="session")
def minio(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """MinIO with an empty bucket, at one address for this process and for the pods of `cluster`."""
    with beds.object_store(cluster, tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of `cluster` that enforces Pod Security `restricted`; it goes after the test."""
    name = cluster.make_namespace(f"test-{next(_NUMBERS)}")
    yield name
    cluster.end_namespace(name)


@pytest.fixture
def kwok_namespace(kwok_cluster: Cluster) -> Iterator[str]:
    """The same on `kwok_cluster`."""
    name = kwok_cluster.make_namespace(f"test-{next(_NUMBERS)}")
    yield name
    kwok_cluster.end_namespace(name)
