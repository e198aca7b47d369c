"""A thread that knows every pod of ours: a full list first, then each change as it happens.

Whatever goes wrong with the watch (the API server restarts, the connection dies silently, the version is
too old) ends in another full list, and the difference is told as if it had been watched.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.errors import ExecutorUnavailable
from reconciler.executors.kubernetes.client import Client, Refused
from reconciler.executors.kubernetes.view import PodView, view

ROUND = 60
"""Seconds after which a watch is begun anew from where it was."""

PAUSE, LONGEST_PAUSE = 0.2, 5.0

_LOG = logging.getLogger(__name__)

Told = Callable[[PodView], None]


class Watcher:
    """Pods by selector. `changed` is called in the watcher's thread, for a pod that is gone too."""

    def __init__(self, client: Client, selector: str, changed: Told, stopping: threading.Event) -> None:
        self._client = client
        self._selector = selector
        self._changed = changed
        self._stopping = stopping
        self._pods: dict[str, PodView] = {}
        self._version = ""
        self._thread: threading.Thread | None = None
        self._listed = threading.Event()
        self.complete_since = 0.0
        """When the last complete list was begun, on the monotonic clock; 0.0 before the first."""
        self.refusal: Exception | None = None
        """Why there is no list, where trying again will not help."""

    def start(self) -> None:
        """Begin to watch, in a thread that ends with the process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="reconciler-watch", daemon=True)
            self._thread.start()

    def wait_until_complete(self, timeout: float) -> bool:
        """Whether all pods are known, at the latest after `timeout` seconds."""
        self.start()
        return self._listed.wait(timeout) and self.refusal is None

    def _run(self) -> None:
        pause = PAUSE
        while not self._stopping.is_set():
            try:
                if not self._version:
                    self._list()
                self._watch()
                pause = PAUSE
            except (ExecutorUnavailable, Refused, KeyError) as error:
                # Some answers to a watch mean that the version is too old; a list is never wrong.
                self._version = ""
                if isinstance(error, Refused) and error.status != 410:
                    self.refusal = error
                    self._listed.set()
                _LOG.debug("the watch of pods ended: %s", error)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _list(self) -> None:
        began = time.monotonic()
        items, version = self._client.list(self._client.namespaced("pods"), self._selector)
        before, self._pods = self._pods, {}
        for raw in items:
            self._tell(raw, before)
        for name, known in before.items():
            if name not in self._pods:
                self._changed(replace(known, gone=True))
        self._version, self.complete_since, self.refusal = version, began, None
        self._listed.set()

    def _watch(self) -> None:
        path = self._client.namespaced("pods")
        for event in self._client.watch(path, self._selector, self._version, ROUND):
            if self._stopping.is_set():
                return
            self._take(event["type"], event["object"])

    def _take(self, kind: str, raw: dict[str, Any]) -> None:
        if kind == "ERROR":
            raise Refused("watch", raw.get("code", 500), raw.get("reason", ""), raw.get("message", ""))
        self._version = raw["metadata"]["resourceVersion"]
        if kind in ("ADDED", "MODIFIED"):
            self._tell(raw, self._pods)
        elif kind == "DELETED":
            known = self._pods.pop(raw["metadata"]["name"], None)
            self._changed(replace(view(raw, known), gone=True))

    def _tell(self, raw: Mapping[str, Any], known: Mapping[str, PodView]) -> None:
        name = raw["metadata"]["name"]
        earlier = known.get(name)
        seen = view(raw, earlier)
        self._pods[name] = seen
        if seen != earlier:
            self._changed(seen)
