"""The watcher tells what is so, whatever happens to its connections."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.executors.kubernetes import names, note
from reconciler.executors.kubernetes.client import Client
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.view import PodView
from reconciler.executors.kubernetes.watcher import Watcher
from reconciler.model.run import AttemptKey
from tests.executors.kubernetes.scripted import Answer, Request, Script, api


def pod(step: str, phase: str, version: int, uid: str = "u") -> dict[str, Any]:
    key = AttemptKey("demo-1-cafe", step, 1)
    metadata = {
        "name": names.pod_name(key),
        "uid": f"{uid}-{step}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-23T12:00:00Z",
        "annotations": {names.NOTE: note.dump(note.Note(key, "runs/x/"))},
    }
    return {"metadata": metadata, "status": {"phase": phase}}


def listed(version: int, *pods: dict[str, Any]) -> Answer:
    return Answer(200, {"items": list(pods), "metadata": {"resourceVersion": str(version)}})


def event(kind: str, raw: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": raw}


def gone_by(code: int) -> dict[str, Any]:
    return event("ERROR", {"kind": "Status", "code": code, "reason": "Expired", "message": "too old"})


class Told:
    """What the watcher told, in order: (step, phase, gone)."""

    def __init__(self) -> None:
        self._views: queue.Queue[PodView] = queue.Queue()

    def __call__(self, view: PodView) -> None:
        self._views.put(view)

    def next(self, count: int) -> list[tuple[str, str, bool]]:
        views = [self._views.get(timeout=60) for _ in range(count)]
        return [(v.note.key.step if v.note else "", v.phase, v.gone) for v in views]

    def is_empty(self) -> bool:
        return self._views.empty()


@contextmanager
def watching(directory: Path, lists: list[Answer | None], watches: list[Answer | None]) -> Iterator[Any]:
    """A watcher of a server with these answers in turn; the last watch hangs."""

    def script(request: Request) -> Answer | None:
        answers = watches if "watch" in request.query else lists
        return answers.pop(0) if answers else Answer(200, lines=(), hangs=True)

    with scripted(directory, script) as (watcher, told, server):
        yield watcher, told, server


@contextmanager
def scripted(directory: Path, script: Script) -> Iterator[Any]:
    stopping, told = threading.Event(), Told()
    with api(directory, script) as server:
        options = KubernetesOptions(kubeconfig=server.kubeconfig)
        watcher = Watcher(Client(options, stopping), "a=b", told, stopping)
        try:
            assert watcher.wait_until_complete(60.0)
            yield watcher, told, server
        finally:
            stopping.set()


def test_first_all_are_told_then_each_change(tmp_path: Path) -> None:
    changes = (
        event("MODIFIED", pod("a", "Running", 3)),
        event("MODIFIED", pod("a", "Running", 4)),
        event("ADDED", pod("b", "Pending", 5)),
        event("DELETED", pod("a", "Succeeded", 6)),
    )
    with watching(tmp_path, [listed(2, pod("a", "Pending", 1))], [Answer(200, lines=changes)]) as (
        _,
        told,
        _2,
    ):
        assert told.next(4) == [
            ("a", "Pending", False),
            ("a", "Running", False),  # once: nothing that we look at changed with version 4
            ("b", "Pending", False),
            ("a", "Succeeded", True),
        ]


def test_a_watch_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "77"}})
    last = Answer(200, lines=(event("ADDED", pod("a", "Running", 80)),), hangs=True)
    with watching(tmp_path, [listed(2)], [Answer(200, lines=(bookmark,)), last]) as (_, told, server):
        assert told.next(1) == [("a", "Running", False)]
        asked = [request.query.get("resourceVersion") for request in server.asked]
        assert asked == [None, "2", "77"]


def test_a_version_that_is_too_old_means_another_list_and_its_difference(tmp_path: Path) -> None:
    lists = [
        listed(2, pod("a", "Pending", 1), pod("b", "Pending", 1), pod("c", "Pending", 1)),
        listed(9, pod("a", "Running", 8), pod("c", "Pending", 1)),
    ]
    with watching(tmp_path, list(lists), [Answer(200, lines=(gone_by(410),))]) as (watcher, told, _):
        first = told.next(5)
        assert first[3:] == [("a", "Running", False), ("b", "Pending", True)]
        assert told.is_empty()
        assert watcher.refusal is None


def test_an_error_of_the_server_in_a_watch_means_another_list(tmp_path: Path) -> None:
    lists = [listed(2), listed(9, pod("a", "Running", 8))]
    with watching(tmp_path, list(lists), [Answer(200, lines=(gone_by(500),))]) as (watcher, told, _):
        assert told.next(1) == [("a", "Running", False)]
        assert watcher.wait_until_complete(0.0)


def test_a_connection_that_breaks_means_another_list(tmp_path: Path) -> None:
    lists = [listed(2), None, listed(9, pod("a", "Running", 8))]
    with watching(tmp_path, list(lists), [None]) as (_, told, _2):
        assert told.next(1) == [("a", "Running", False)]


def test_nothing_is_complete_before_the_first_list(tmp_path: Path) -> None:
    lists: list[Answer | None] = [None, None, listed(9, pod("a", "Running", 8))]
    with watching(tmp_path, lists, []) as (watcher, told, server):
        assert told.next(1) == [("a", "Running", False)]
        assert len([r for r in server.asked if "watch" not in r.query]) == 3
        assert watcher.complete_since > 0


def test_a_missing_right_is_told_and_may_come_back(tmp_path: Path) -> None:
    forbidden = Answer(403, {"kind": "Status", "reason": "Forbidden", "message": "cannot list pods"})
    stopping, told, allowed = threading.Event(), Told(), threading.Event()

    def script(request: Request) -> Answer:
        if "watch" in request.query:
            return Answer(200, lines=(), hangs=True)
        return listed(3, pod("a", "Running", 2)) if allowed.is_set() else forbidden

    with api(tmp_path, script) as server:
        watcher = Watcher(
            Client(KubernetesOptions(kubeconfig=server.kubeconfig), stopping), "a=b", told, stopping
        )
        assert not watcher.wait_until_complete(60.0)
        assert "cannot list pods" in str(watcher.refusal)
        allowed.set()
        assert told.next(1) == [("a", "Running", False)]
        stopping.set()
