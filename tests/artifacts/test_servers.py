"""The S3 servers of the tests: their absence is seen."""

from __future__ import annotations

import pytest

from tests import servers


def test_without_a_server_its_tests_are_skipped_with_the_command_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-server is not installed: run `make testbed`"):
        servers.demand("no-server")


def test_in_ci_its_tests_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="run `make testbed`"):
        servers.demand("no-server")
