"""Runs that have ended are deleted together, and one that cannot be let go of holds nobody up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.executors.kubernetes import names, note
from reconciler.executors.kubernetes.client import Client
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.records import Records
from reconciler.executors.kubernetes.removing import AT_ONCE, PODS_TOGETHER, RUNS_TOGETHER, Remover
from reconciler.executors.kubernetes.view import PodView, view
from reconciler.executors.kubernetes.workers import Workers
from reconciler.model.run import AttemptKey
from tests.executors.kubernetes.scripted import Answer, Api, Request, api


def ended(run_id: str, number: int = 0, phase: str = "Succeeded") -> PodView:
    """One pod of a run, with our finalizer; its node has taken it."""
    key = AttemptKey(run_id, f"s{number}", 1)
    metadata = {
        "name": names.pod_name(key),
        "uid": f"u-{run_id}-{number}",
        "creationTimestamp": "2026-11-23T12:00:00Z",
        "finalizers": [names.FINALIZER],
        "annotations": {names.NOTE: note.dump(note.Note(key, "runs/x/"))},
    }
    return view({"metadata": metadata, "spec": {"nodeName": "n"}, "status": {"phase": phase}})


class House:
    def __init__(self, server: Api, options: KubernetesOptions) -> None:
        self.server = server
        self.records = Records(lambda record: None, lambda record: None)
        self.workers = Workers(1, "test")
        stopping = threading.Event()
        client = Client(options, stopping)
        self.remover = Remover(client, options, self.records, self.workers, stopping, lambda record: None)

    def release(self, *pods: PodView) -> None:
        """Have the pods of these runs removed; back when that is done."""
        runs: dict[str, None] = {}
        for pod in pods:
            self.records.changed(pod)
            assert pod.note is not None
            runs[pod.note.key.run_id] = None
        gate = threading.Event()
        self.workers.submit(lambda: gate.wait(60) and None)  # all are there before the first is removed
        for run_id in runs:
            self.remover.release(run_id)
        gate.set()
        assert self.workers.drain(60.0)
        assert self.workers.crash is None

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.server.asked if request.method == method]


@contextmanager
def house(directory: Path, stuck: str = "nothing") -> Iterator[House]:
    """What is asked of the API server; it refuses to change pods whose names hold `stuck`."""

    def script(request: Request) -> Answer:
        if request.method == "PATCH" and stuck in request.path:
            return Answer(403, {"kind": "Status", "reason": "Forbidden", "message": "by a policy"})
        return Answer(200, {"metadata": {}})

    with api(directory, script) as server:
        yield House(server, KubernetesOptions(kubeconfig=server.kubeconfig))


def of(resource: str, kind: str, *runs: str) -> tuple[str, str]:
    chosen = f"{names.RUN} in ({','.join(runs)}),{names.KIND}={kind}"
    return f"/api/v1/namespaces/flows/{resource}", f"{names.selector('reconciler')},{chosen}"


def test_the_pods_of_ended_runs_are_let_go_of_and_deleted_by_one_request(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.release(ended("a-1"), ended("b-1", 0), ended("b-1", 1))

        assert len(home.asked("PATCH")) == 3
        assert [(each.path, each.query.get("labelSelector")) for each in home.asked("DELETE")] == [
            of("pods", "step", "a-1", "b-1"),
            of("configmaps", "run", "a-1", "b-1"),
        ]
        assert [each.body.get("gracePeriodSeconds") for each in home.asked("DELETE")] == [0, None]


def test_a_run_that_cannot_be_let_go_of_keeps_its_anchor_and_holds_nobody_up(tmp_path: Path) -> None:
    with house(tmp_path, stuck="stuck") as home:
        home.release(ended("a-1"), ended("stuck-1"))
        home.release(ended("b-1"))

        deleted = [each.query["labelSelector"] for each in home.asked("DELETE") if "pods" in each.path]
        assert deleted == [of("pods", "step", "a-1")[1], of("pods", "step", "b-1")[1]]


def test_one_request_deletes_no_more_than_its_share(tmp_path: Path) -> None:
    each = PODS_TOGETHER // AT_ONCE
    with house(tmp_path) as home:
        home.release(*(ended(f"r-{run}") for run in range(RUNS_TOGETHER + 1)))
        home.release(*(ended(f"w-{run}", pod) for run in range(each + 1) for pod in range(AT_ONCE)))

        counts = [
            len(request.query["labelSelector"].partition("(")[2].partition(")")[0].split(","))
            for request in home.asked("DELETE")
            if "configmaps" in request.path
        ]
        assert counts == [RUNS_TOGETHER, 1, each, 1]


def test_a_large_run_and_one_whose_pod_still_runs_are_deleted_pod_by_pod(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.release(*(ended("wide-1", pod) for pod in range(AT_ONCE + 1)), ended("runs-1", phase="Running"))

        deleted = {each.path: each.body for each in home.asked("DELETE")}
        assert "labelSelector" not in {name for each in home.asked("DELETE") for name in each.query}
        assert len(deleted) == AT_ONCE + 2 + 2
        name = ended("runs-1").name
        assert deleted[f"/api/v1/namespaces/flows/pods/{name}"]["gracePeriodSeconds"] == 10
        assert "/api/v1/namespaces/flows/configmaps/run-wide-1" in deleted
