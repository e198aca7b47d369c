"""The template's workflows, the same files, here and in pods: they must give the same."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.bed.cluster import Cluster
from tests.cluster.pod_house import store_secret
from tests.place import Place
from tests.servers import Server

TEMPLATE = Path(__file__).parents[2] / "repo-template"
WORKFLOWS = ("churn", "weather")
_OF_ITS_OWN_TIME = frozenset({"createdAt", "startedAt", "finishedAt", "duration", "message"})
"""Fields that no two runs have in common; a message may say how a step ran: on a host, in an image."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    shutil.copytree(TEMPLATE, place.clone, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    place.push("Start with two workflows")
    return place


def _passed(place: Place, name: str, url: str, minio: Server, **settings: str) -> None:
    """One pass with a state and a ledger branch of its own, until nothing is open."""
    access = minio.access
    printed = place.run(
        "pass",
        RECONCILER_STATE_DIRECTORY=str(place.root / name),
        RECONCILER_LEDGER_BRANCH=name,
        RECONCILER_STORE_URL=url,
        RECONCILER_STORE_ENDPOINT=access.endpoint,
        RECONCILER_STORE_SECURE="false",
        RECONCILER_STORE_ACCESS_KEY=access.access_key,
        RECONCILER_STORE_SECRET_KEY=access.secret_key,
        **settings,
    )
    assert "2 started, 2 published, 0 still open" in printed


def _record(place: Place, branch: str, workflow: str) -> Any:
    text = place.git("show", f"{branch}:{workflow}/run.json", cwd=place.remote)
    return _timeless(json.loads(text))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _OF_ITS_OWN_TIME}
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    return value


def _without_times(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z)?", "<time>", text)
    return re.sub(r"\b\d+(\.\d+)?(ms|s)\b|\b\d+m\d+s\b", "<duration>", text)


def test_the_demo_gives_the_same_in_pods(
    cluster: Cluster, minio: Server, namespace: str, place: Place
) -> None:
    """The same values, artifacts by digest, and ledger apart from times, from one revision."""
    url = f"s3://{minio.access.bucket}/{namespace}"
    _passed(place, "here", url, minio)
    cluster.plane.apply(store_secret(minio.access, namespace))
    _passed(
        place,
        "pods",
        url,
        minio,
        RECONCILER_EXECUTOR_NAME="kubernetes",
        RECONCILER_KUBERNETES_KUBECONFIG=str(cluster.kubeconfig),
        RECONCILER_KUBERNETES_NAMESPACE=namespace,
        RECONCILER_KUBERNETES_AGENT_IMAGE=cluster.agent_image,
        RECONCILER_KUBERNETES_PULL_POLICY="Never",
    )
    for workflow in WORKFLOWS:
        here, pods = (_record(place, branch, workflow) for branch in ("here", "pods"))
        assert pods == here
        assert here["phase"] == "Succeeded"
        assert here["steps"]
    assert set(place.tree("here")) == set(place.tree("pods"))
    left = cluster.kubectl(
        "get", "pods,configmaps", "-n", namespace, "-l", "app.kubernetes.io/managed-by", "-o", "name"
    )
    assert left.split() == []
