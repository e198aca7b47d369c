"""What the same pods cost without an engine: made, watched, let go of and deleted by the official client.

    python bare_client.py KUBECONFIG NAMESPACE POD RUNS LENGTH

POD is a file with the pod to be made, RUNS times LENGTH of them: LENGTH after one another, RUNS side by side.
Prints {"seconds": ...}, from the first request to the last answer. As lean as the client allows: dicts, no
models, sixteen threads.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kubernetes import client, config

THREADS = 16
LABELS = {"bench": "bare"}


class Bare:
    """One load; `left` counts the pods that are still to be deleted."""

    def __init__(self, namespace: str, template: dict[str, Any], runs: int, length: int) -> None:
        configuration = client.Configuration()
        config.load_kube_config(sys.argv[1], client_configuration=configuration)
        configuration.connection_pool_maxsize = THREADS + 4
        self._api = client.CoreV1Api(client.ApiClient(configuration))
        self._namespace = namespace
        self._template = template
        self._runs, self._length = runs, length
        self._lock = threading.Lock()
        self._left = runs * length
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run(self) -> float:
        """Seconds until the last pod was deleted."""
        began = time.perf_counter()
        listed = self._api.list_namespaced_pod(
            self._namespace, label_selector="bench=bare", _preload_content=False
        )
        version = json.loads(listed.data)["metadata"]["resourceVersion"]
        with ThreadPoolExecutor(THREADS) as pool:
            threading.Thread(target=self._watch, args=(version, pool), daemon=True).start()
            for run in range(self._runs):
                pool.submit(self._create, run, 0)
            self._done.get()
            return time.perf_counter() - began

    def _create(self, run: int, step: int) -> None:
        metadata = {**self._template["metadata"], "name": f"bare-{run:05}-{step}", "labels": LABELS}
        body = {**self._template, "metadata": metadata}
        self._api.create_namespaced_pod(self._namespace, body, _preload_content=False)

    def _remove(self, name: str) -> None:
        patch = {"metadata": {"finalizers": None}}
        self._api.patch_namespaced_pod(name, self._namespace, patch, _preload_content=False)
        options = {"gracePeriodSeconds": 0}
        self._api.delete_namespaced_pod(name, self._namespace, body=options, _preload_content=False)
        with self._lock:
            self._left -= 1
            if not self._left:
                self._done.put(None)

    def _watch(self, version: str, pool: ThreadPoolExecutor) -> None:
        """Taken up where it was whenever the API server ends it, as it does with one that is too slow."""
        seen: set[str] = set()
        while self._left:
            answer = self._api.list_namespaced_pod(
                self._namespace,
                label_selector="bench=bare",
                watch=True,
                resource_version=version,
                _preload_content=False,
            )
            rest = b""
            for chunk in answer.stream(amt=65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in filter(None, lines):
                    pod = json.loads(line)["object"]
                    version = pod["metadata"]["resourceVersion"]
                    self._take(pod, seen, pool)

    def _take(self, pod: dict[str, Any], seen: set[str], pool: ThreadPoolExecutor) -> None:
        name = pod["metadata"]["name"]
        if pod.get("status", {}).get("phase") in ("Succeeded", "Failed") and name not in seen:
            seen.add(name)
            _, run, step = name.split("-")
            if int(step) + 1 < self._length:
                pool.submit(self._create, int(run), int(step) + 1)
            pool.submit(self._remove, name)


def main(namespace: str, template: str, runs: str, length: str) -> None:
    with open(template, encoding="utf-8") as file:
        pod = json.load(file)
    print(json.dumps({"seconds": Bare(namespace, pod, int(runs), int(length)).run()}))


if __name__ == "__main__":
    main(*sys.argv[2:])
