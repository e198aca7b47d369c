"""One server of each kind for all tests that leave it alive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers


@pytest.fixture(scope="session", params=sorted(servers.SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Server]:
    with servers.running(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture(params=sorted(servers.SERVERS))
def own_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Server]:
    """A server that the test may kill."""
    with servers.running(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started
