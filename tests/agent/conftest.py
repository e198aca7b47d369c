"""Pods on a store in a directory, and on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers

pytest.register_assert_rewrite("tests.agent.pod")

from tests.agent.pod import Pod  # noqa: E402 - its asserts want to be explained too


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """What the store is makes no difference to most tests; a directory needs no server."""
    return Pod(tmp_path / "pod", (tmp_path / "store").as_uri())


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A server that the test may stop."""
    with servers.running("minio", tmp_path_factory.mktemp("minio")) as started:
        yield started


@pytest.fixture
def pod_on_s3(tmp_path: Path, server: servers.Server) -> Pod:
    return Pod(tmp_path / "pod", f"s3://{servers.BUCKET}/demo", server.access)
