"""Sees every pod that ever is in a namespace, from beside the pass: no pod comes and goes unseen.

A watch that begins at a known version and is taken up where it ended tells every object that was made, even
one that is gone again. Where it could miss something (the version is too old), the witness fails the test; in
a test that has the API server forget, it begins anew with a list.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import urllib3

from reconciler.executors.kubernetes import names
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import until

_MARKS = count(1)
Take = Callable[[str, dict[str, Any], float], None]


class Watch:
    """Every event of the pods in `namespace` from `begin` on, for `take`, with the time of its arrival."""

    def __init__(self, cluster: Cluster, namespace: str, take: Take, *, may_forget: bool = False) -> None:
        self._may_forget = may_forget
        self._plane = cluster.plane
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._take = take
        self._version = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self.problem = ""

    def begin(self) -> None:
        self._version = self._list()["metadata"]["resourceVersion"]
        self._thread.start()

    def end(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        http = urllib3.PoolManager(ca_certs=self._plane.keys.path("ca.crt"), retries=False)
        while not self._stopped.is_set() and not self.problem:
            with suppress(urllib3.exceptions.HTTPError, OSError):  # from where it was, once it answers again
                for line in _lines(self._opened(http)):
                    self._told(json.loads(line), time.monotonic())
            self._stopped.wait(0.1)

    def _list(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._plane.get(self._path))
        return found

    def _opened(self, http: urllib3.PoolManager) -> urllib3.BaseHTTPResponse:
        query = f"?watch=1&allowWatchBookmarks=true&timeoutSeconds=20&resourceVersion={self._version}"
        return http.request(
            "GET",
            self._plane.server + self._path + query,
            headers={"Authorization": f"Bearer {self._plane.keys.admin}"},
            timeout=urllib3.Timeout(connect=5, read=25),
            preload_content=False,
        )

    def _told(self, event: dict[str, Any], moment: float) -> None:
        kind, raw = event.get("type"), event.get("object", event)
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            self._take(kind, raw, moment)
        elif raw.get("code") == 410 and self._may_forget:
            found = self._list()
            for each in found["items"]:
                self._take("ADDED", each, moment)
            self._version = found["metadata"]["resourceVersion"]
        elif raw.get("code") == 410:
            self.problem = f"the witness has missed something: {event}"
        if kind in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
            self._version = raw["metadata"]["resourceVersion"]


class Witness:
    """What was made in `namespace`: the ids of the objects by the attempt they stand for."""

    def __init__(self, cluster: Cluster, namespace: str, *, may_forget: bool = False) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.watch = Watch(cluster, namespace, self._take, may_forget=may_forget)
        self._made: dict[str, set[str]] = defaultdict(set)
        self._marks: set[str] = set()

    def executed(self) -> dict[str, int]:
        """How many objects there were for each "run/step/attempt", with all that was made until now."""
        mark = f"mark-{next(_MARKS)}"
        assert self._cluster.plane.ask("POST", f"/api/v1/namespaces/{self._namespace}/pods", nobodys(mark))
        until("the witness has seen everything", lambda: mark in self._marks or self.watch.problem)
        self._cluster.plane.ask("DELETE", f"/api/v1/namespaces/{self._namespace}/pods/{mark}")
        assert not self.watch.problem, self.watch.problem
        return {attempt: len(ids) for attempt, ids in self._made.items()}

    def _take(self, kind: str, raw: dict[str, Any], moment: float) -> None:
        note = raw["metadata"].get("annotations", {}).get(names.NOTE)
        if note is None:
            self._marks.add(raw["metadata"]["name"])
        else:
            key = json.loads(note)["key"]
            self._made[f"{key['run_id']}/{key['step']}/{key['attempt']}"].add(raw["metadata"]["uid"])


@contextmanager
def watching(cluster: Cluster, namespace: str, *, may_forget: bool = False) -> Iterator[Witness]:
    """A witness from now until the end of the block."""
    witness = Witness(cluster, namespace, may_forget=may_forget)
    witness.watch.begin()
    try:
        yield witness
    finally:
        witness.watch.end()


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(amt=65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)


def nobodys(name: str, labels: Mapping[str, str] | None = None) -> dict[str, object]:
    """A pod that no scheduler takes."""
    locked = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    profile = {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"name": "main", "image": "none", "securityContext": locked}
    spec = {"schedulerName": "nobody", "securityContext": profile, "containers": [container]}
    metadata = {"name": name, "labels": dict(labels or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
