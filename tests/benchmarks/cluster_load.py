"""Loads for the cluster's benchmark, carried out by a pass or by the bare client, seen from beside both.

What happens when is read off one watch of this process, since the times in a pod's status have full seconds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.executors.kubernetes import names
from tests.benchmarks import world
from tests.cluster import ground
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import until
from tests.cluster.witness import Watch

BARE = Path(__file__).with_name("bare_client.py")
COUNTED = ("pods", "configmaps")
WRITES = ("POST", "PATCH", "DELETE", "DELETECOLLECTION")
WIDEST = 1_000
_TICKS = os.sysconf("SC_CLK_TCK")
_FILLED_IN = (
    "dnsPolicy", "nodeName", "preemptionPolicy", "priority", "schedulerName", "serviceAccount",
    "serviceAccountName", "tolerations",
)  # fmt: skip
"""What the API server adds to a pod."""


@dataclass(frozen=True)
class Load:
    """`runs` side by side, each `length` pods after one another (`wide`: one run, all pods at once)."""

    name: str
    runs: int
    length: int = 1
    wide: bool = False

    @property
    def pods(self) -> int:
        return self.runs * self.length

    def workflows(self) -> dict[str, str]:
        """The definitions of it."""
        if self.wide:
            return {"fan": world.steps_of_true("fan", world.fan(self.runs))}
        return {name: world.steps_of_true(name, world.chain(self.length)) for name in world.names(self.runs)}


@dataclass
class Measured:
    """Seconds of the whole, what its process took, and what the API server was asked meanwhile."""

    seconds: float
    cpu: float
    memory: float
    requests: int
    own: int
    gaps: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.gaps)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.gaps, n=100)[98]


class Observer:
    """When the pods of a namespace were made and ended; one of them as it was asked for."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._watch = Watch(cluster, namespace, self._take)
        self.template: dict[str, Any] = {}
        self.made: dict[tuple[str, int], float] = {}
        self.ended: dict[tuple[str, int], float] = {}
        self.running: set[str] = set()
        self._watch.begin()

    def end(self) -> None:
        self._watch.end()
        assert not self._watch.problem, self._watch.problem

    def gaps(self) -> list[float]:
        """Milliseconds from the news of a pod's end to those of its successor's making."""
        return [
            (self.made[run, step + 1] - moment) * 1000
            for (run, step), moment in self.ended.items()
            if (run, step + 1) in self.made
        ]

    def _take(self, kind: str, raw: dict[str, Any], moment: float) -> None:
        place, phase = _place(raw), raw["status"].get("phase")
        if kind == "ADDED":
            self.made.setdefault(place, moment)
            if not self.template:
                self.template = _asked_for(raw)
        if phase == "Running":
            self.running.add(raw["metadata"]["name"])
        if phase in ("Succeeded", "Failed"):
            self.ended.setdefault(place, moment)


def by_pass(cluster: Cluster, root: Path, load: Load) -> tuple[Measured, Observer]:
    """The load as workflows, from the push to the commit, by one pass."""
    with observed(cluster) as (namespace, observer, requests):
        place = ground.prepare(root, cluster.kubeconfig, namespace, **quiet(load.pods))
        world.push(place.remote, load.workflows())
        argv = [sys.executable, "-m", "reconciler", "pass"]
        measured = _measured(argv, requests, env=place.env)
    assert len(place.history()) == (1 if load.wide else load.runs)
    assert measured.own >= 2 * load.pods, "every pod was made and let go of"
    assert not cluster.plane.kubectl("-n", namespace, "get", "pods", "-o", "name"), "and is gone"
    assert all(": Succeeded" in subject for subject in place.history())
    measured.gaps = observer.gaps() if load.length > 1 else []
    return measured, observer


def by_client(cluster: Cluster, root: Path, load: Load, template: Mapping[str, Any]) -> Measured:
    """The same pods by the bare client; its time is without its start."""
    root.mkdir(parents=True, exist_ok=True)
    file = root / "pod.json"
    file.write_text(json.dumps(template))
    with observed(cluster) as (namespace, observer, requests):
        argv = [sys.executable, str(BARE), str(cluster.kubeconfig), namespace, str(file)]
        measured = _measured([*argv, str(load.runs), str(load.length)], requests)
    measured.gaps = observer.gaps() if load.length > 1 else []
    return measured


def quiet(slots: int) -> dict[str, str]:
    """Settings for a load: as many steps at once as there are, and a line only where something is wrong."""
    return {"RECONCILER_LOGGING_LEVEL": "warning", "RECONCILER_EXECUTOR_SLOTS": str(max(slots, 1000))}


@contextmanager
def observed(cluster: Cluster) -> Iterator[tuple[str, Observer, Requests]]:
    """A namespace, and who looks at it until the block ends."""
    namespace = cluster.make_namespace(f"bench-{time.monotonic_ns()}")
    observer = Observer(cluster, namespace)
    try:
        yield namespace, observer, Requests(cluster)
    finally:
        observer.end()


class Requests:
    """Counts what was asked of the API server and done, about pods and their anchors.

    Events are left out, and what the simulated nodes ask in vain: they delete what is gone already.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._plane = cluster.plane
        self._before = self._plane.requests()

    def all_and_own(self) -> tuple[int, int]:
        """By anybody (scheduler and simulated kubelets too), and the writes that only the client makes."""
        total: Counter[str] = Counter()
        for (verb, resource, part, code), count in (self._plane.requests() - self._before).items():
            if resource in COUNTED and verb != "WATCH" and code < "400":
                total["all"] += count
                total["own"] += count * (verb in WRITES and not part)
        return total["all"], total["own"]


def _measured(argv: list[str], requests: Requests, env: Mapping[str, str] | None = None) -> Measured:
    """Run it to its end. Where it tells its own time, that counts."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, printed
    with suppress(ValueError):
        seconds = json.loads(printed)["seconds"]
    everybody, own = requests.all_and_own()
    return Measured(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, everybody, own)


@dataclass(frozen=True)
class Live:
    """What a pass with so many live steps takes: to start them, to hold them, and in 10 s of nothing."""

    steps: int
    cpu_to_start: float
    memory: float
    cpu_at_rest: float


def live(cluster: Cluster, root: Path, steps: int, rest: float = 10.0) -> Live:
    """Runs of at most 1,000 steps, `steps` in all, whose pods do not end; the pass is stopped in the end."""
    with observed(cluster) as (namespace, observer, _):
        place = ground.prepare(root, cluster.kubeconfig, namespace, **quiet(steps))
        wide = [ground.step(f"s{number:03}", duration="6h") for number in range(min(steps, WIDEST))]
        names = [f"live-{number}" for number in range(steps // len(wide))]
        world.push(place.remote, {name: ground.workflow(name, *wide) for name in names})
        process = place.start("pass", "--pass-budget", "1h")
        try:
            until(
                f"{steps} pods run",
                lambda: len(observer.running) == steps or process.poll() is not None,
                seconds=1800,
            )
            assert process.poll() is None, process.communicate()
            started = _cpu(process.pid)
            threading.Event().wait(rest)
            found = Live(steps, started, _memory(process.pid), _cpu(process.pid) - started)
        finally:
            process.terminate()
            out, err = process.communicate()
    assert process.returncode == 130, out + err
    return found


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _place(raw: Mapping[str, Any]) -> tuple[str, int]:
    """The run, and which of its steps."""
    note = raw["metadata"].get("annotations", {}).get(names.NOTE)
    if note is not None and "bench" not in raw["metadata"]["labels"]:
        key = json.loads(note)["key"]
        return key["run_id"], int(key["step"][1:])
    _, run, step = raw["metadata"]["name"].split("-")
    return run, int(step)


def _asked_for(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A pod as it was before the API server filled it in."""
    metadata = {key: raw["metadata"][key] for key in ("annotations", "finalizers")}
    spec = {key: value for key, value in raw["spec"].items() if key not in _FILLED_IN}
    containers = [
        {key: value for key, value in each.items() if not key.startswith("terminationMessage")}
        for each in spec["containers"]
    ]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "containers": containers},
    }  # fmt: skip
