"""What the world does to a pass with pods: the API server away, silent, forgetful, busy.

Each trial begins a real pass, disturbs it while its steps run, and has passes carry on until all is quiet.
Then every step has ended well in its first attempt, and that was one pod. Steps last longer than it takes to
notice, shorter than the trouble: what happens meanwhile is learned afterwards.

RECONCILER_OUTAGE sets for how many seconds the API server is away.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from reconciler.errors import EXIT_LOST
from tests.cluster import crashing, ground
from tests.cluster import relay as relays
from tests.cluster.bed import cluster as beds
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import until
from tests.cluster.witness import Witness, watching
from tests.place import Place

AWAY = float(os.environ.get("RECONCILER_OUTAGE", "60"))
WORKFLOW = ground.workflow(
    "work",
    *(ground.step(f"first-{number}", duration=f"{4 + number}s") for number in range(5)),
    *(ground.step(f"then-{number}", f"first-{number}") for number in range(5)),
)
ALL_WELL = {"work #1: Succeeded"}
ONCE = {f"work-1/{part}-{number}/1": 1 for part in ("first", "then") for number in range(5)}


@pytest.fixture(scope="module")
def fragile() -> Iterator[Cluster]:
    """A cluster whose API server is treated badly."""
    with beds.simulated("fragile", 2) as running:
        yield running


class Work:
    """One workflow under way: the place, the process of the pass, and the witness of its pods."""

    def __init__(self, cluster: Cluster, namespace: str, place: Place, witness: Witness) -> None:
        self.cluster, self.namespace, self.place, self.witness = cluster, namespace, place, witness
        place.push(work=WORKFLOW)
        self.process = place.start("pass", "--pass-fetch-interval", "1h")
        until("the first steps run", self._all_run)

    def ended(self) -> tuple[int, str]:
        """Exit code of the first pass, and what it said; that is never a traceback."""
        out, err = self.process.communicate(timeout=300)
        assert "Traceback" not in out + err
        return self.process.returncode, out + err

    def expect_all_well(self) -> None:
        """One commit, each attempt one pod, nothing left."""
        assert {subject.partition(" in ")[0] for subject in self.place.history()} == ALL_WELL
        assert len(self.place.history()) == 1
        assert crashing.by_number(self.witness.executed()) == ONCE
        until("nothing is left", lambda: not self.pods(), seconds=20)

    def pods(self) -> list[dict[str, object]]:
        found = self.cluster.plane.get(f"/api/v1/namespaces/{self.namespace}/pods")
        items: list[dict[str, object]] = json.loads(found)["items"]
        return items

    def _all_run(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        return sum(pod["status"].get("phase") == "Running" for pod in self.pods()) == 5  # type: ignore[attr-defined]


@pytest.fixture
def begun(fragile, tmp_path):
    """Begins the work: `begun(kubeconfig, lease)`; by default straight to the API server."""
    namespace = fragile.make_namespace(f"outage-{tmp_path.name.rpartition('_')[2]}-{os.urandom(3).hex()}")
    with watching(fragile, namespace, may_forget=True) as witness:
        started: list[Work] = []

        def begin(kubeconfig: Path = fragile.kubeconfig, lease: str = "30s") -> Work:
            place = ground.prepare(tmp_path / "place", kubeconfig, namespace, lease=lease)
            started.append(Work(fragile, namespace, place, witness))
            return started[-1]

        yield begin
        for work in started:
            work.process.kill()
            work.process.communicate()


def pause(seconds: float) -> None:
    """The length of an outage, which is no wait for anything."""
    threading.Event().wait(seconds)


def test_an_api_server_that_answers_nothing_for_a_minute_costs_only_time(fragile, begun):
    work = begun(lease="5m")
    server = fragile.plane.daemons["kube-apiserver"].process
    server.send_signal(signal.SIGSTOP)
    pause(AWAY)
    server.send_signal(signal.SIGCONT)
    assert work.ended()[0] == 0
    work.expect_all_well()


def test_an_api_server_that_is_gone_for_a_minute_loses_nothing_but_perhaps_the_lease(fragile, begun):
    work = begun(lease="15s")
    fragile.plane.stop("kube-apiserver", 0)
    pause(AWAY)
    elsewhere = str(work.place.root / "elsewhere")
    printed = work.place.run("pass", code=1, RECONCILER_STATE_DIRECTORY=elsewhere)
    assert "did not answer" in printed, printed
    assert "Traceback" not in printed
    fragile.plane.start("kube-apiserver")
    fragile.plane.wait_until_ready()
    code, said = work.ended()
    assert (code, "lost the Lease" in said) in ((0, False), (EXIT_LOST, True)), said
    if code:
        work.place.run("pass", RECONCILER_LEASE_DURATION="30s")
    work.expect_all_well()


def test_connections_that_go_silent_without_ending_are_given_up(fragile, begun, tmp_path):
    with relays.relayed(fragile.plane) as relay:
        work = begun(relays.kubeconfig(fragile.plane, relay.server, tmp_path / "relayed"), lease="5m")
        assert relay.silence() > 0
        assert work.ended()[0] == 0
        work.expect_all_well()


def test_a_watch_whose_past_was_compacted_begins_anew(fragile, begun, tmp_path):
    with relays.relayed(fragile.plane) as relay:
        work = begun(relays.kubeconfig(fragile.plane, relay.server, tmp_path / "relayed"), lease="5m")
        relay.cut()
        until("the first steps have ended", lambda: _none_runs(work))
        fragile.plane.stop("kube-apiserver", 0)
        _compact(fragile)
        fragile.plane.start("kube-apiserver")
        fragile.plane.wait_until_ready()
        relay.mend()
        assert work.ended()[0] == 0
        work.expect_all_well()


def test_writes_that_are_told_to_come_later_come_later(fragile, begun, tmp_path):
    with relays.throttled(fragile.plane, nth=3) as throttle:
        work = begun(relays.kubeconfig(fragile.plane, throttle.server, tmp_path / "throttled"))
        assert work.ended()[0] == 0
        work.expect_all_well()
        assert throttle.counts["sent away"] > 5


def _none_runs(work: Work) -> bool:
    return not any(pod["status"]["phase"] == "Running" for pod in work.pods())  # type: ignore[index]


def _compact(cluster: Cluster) -> None:
    """Have etcd forget all but what is now."""
    flag = next(each for each in cluster.plane.commands["etcd"] if "listen-client" in each)
    etcd = flag.partition("=")[2]
    http = urllib3.PoolManager()
    now = http.request("POST", f"{etcd}/v3/kv/range", json={"key": "AA=="}).json()["header"]["revision"]
    done = http.request("POST", f"{etcd}/v3/kv/compaction", json={"revision": now, "physical": True})
    assert done.status == 200, done.data
