"""A run comes back from its ConfigMap as it was, also one that is too large to be kept as it is."""

from __future__ import annotations

import random
import string
from dataclasses import replace

import pytest

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes.anchors import from_config_map, to_config_map
from tests.executors.contract import a_run, parse


def test_a_run_survives_in_a_config_map_that_can_be_read() -> None:
    config_map = to_config_map(a_run(), "mine")
    assert config_map["metadata"] == {
        "name": "run-demo-1-cafe",
        "labels": {
            "app.kubernetes.io/managed-by": "reconciler",
            "app.kubernetes.io/instance": "mine",
            "reconciler.dev/kind": "run",
            "reconciler.dev/run": "demo-1-cafe",
        },
    }
    assert '"number": 1' in config_map["data"]["run.json"]
    assert from_config_map(config_map, parse) == a_run()


def test_a_large_run_is_packed() -> None:
    run = replace(a_run(), parameters={"text": "value " * 200_000})
    config_map = to_config_map(run, "mine")
    assert list(config_map["binaryData"]) == ["run.json.gz"]
    assert "data" not in config_map
    assert from_config_map(config_map, parse) == run


def test_a_run_that_cannot_be_packed_small_enough_is_refused() -> None:
    noise = "".join(random.Random(7).choices(string.printable, k=2_000_000))
    with pytest.raises(LaunchRejected, match="cannot keep demo #1"):
        to_config_map(replace(a_run(), parameters={"noise": noise}), "mine")


@pytest.mark.parametrize(
    "raw",
    [{}, {"data": {}}, {"data": {"run.json": "{"}}, {"binaryData": {"run.json.gz": "bm8="}}],
)
def test_another_config_map_is_no_anchor(raw: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ValueError):
        from_config_map(raw, parse)
