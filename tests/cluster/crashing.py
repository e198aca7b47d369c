"""Trials on simulated pods: passes that are killed, passes until all is quiet, and what is left then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import EXIT_BUSY
from tests.cluster import ground
from tests.cluster.bed.cluster import Cluster
from tests.crash import trial
from tests.place import Place

MOST_PASSES = 6


def small() -> dict[str, str]:
    """Three workflows: a chain, a fan with a step after it, and one that fails and tries again."""
    again = "retry: {limit: 1, on: [failure], backoff: {initial: 0s, jitter: 0}}"
    return {
        "chain": ground.workflow("chain", ground.step("a"), ground.step("b", "a")),
        "fan": ground.workflow("fan", ground.step("x"), ground.step("y"), ground.step("z", "x", "y")),
        "stubborn": ground.workflow(
            "stubborn",
            ground.step("tolerated", code=7, more="continueOnFailure: true"),
            ground.step("twice", "tolerated", code=3, more=again),
            ground.step("never", "twice"),
        ),
    }


def fifty(round_: int) -> dict[str, str]:
    """Fifty workflows of a few steps that last a moment, to be run anew in each round."""
    found = {}
    for number in range(50):
        name = f"w{number:02}"
        moment = f"{100 + 50 * (number % 7) + round_}ms"  # the round is in the digest
        steps = {
            0: [ground.step("a", duration=moment), ground.step("b", "a"), ground.step("c", "b")],
            1: [*(ground.step(each, duration=moment) for each in "xy"), ground.step("z", "x", "y")],
            2: [
                ground.step("tolerated", duration=moment, code=7, more="continueOnFailure: true"),
                ground.step("after", "tolerated", code=number % 2),
            ],
        }[number % 3]
        found[name] = ground.workflow(name, *steps)
    return found


class Lab:
    """A place whose steps are pods of `namespace`; `keep` and `fresh` take it back to where it was."""

    def __init__(self, driver: trial.Driver, cluster: Cluster, namespace: str, root: Path) -> None:
        self._driver = driver
        self._cluster = cluster
        self._namespace = namespace
        self._root = root / "place"
        self.place = ground.prepare(self._root, cluster.kubeconfig, namespace)

    def keep(self) -> None:
        """Remember the place as it is."""
        shutil.copytree(self._root, self._root.with_name("kept"), symlinks=True)

    def fresh(self) -> None:
        """The place as it was kept."""
        shutil.rmtree(self._root)
        shutil.copytree(self._root.with_name("kept"), self._root, symlinks=True)
        self.place = Place(self._root, self.place.environment)

    def run(
        self, at: int | None = None, side: str = "before", *, kill_after: float | None = None
    ) -> dict[str, Any]:
        """One pass. The Lease of one that was killed is taken away, as if its time had passed.

        A git that the killed pass was about to start may hold its lock for a moment longer.
        """
        answer = {"status": EXIT_BUSY}
        while answer["status"] == EXIT_BUSY:
            answer = self._driver.run(self.place, at, side, kill_after=kill_after)
        if trial.was_killed(answer):
            self._cluster.plane.ask(
                "DELETE",
                f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases/reconciler-0-of-1",
            )
        return answer

    def lose_state(self) -> bool:
        """Delete the database; whether there was one."""
        there = (self.place.state / "state.db").exists()
        for file in self.place.state.glob("state.db*"):
            file.unlink()
        return there

    def carry_on(self) -> None:
        """Passes until one leaves nothing in the cluster."""
        for _ in range(MOST_PASSES):
            answer = self.run()
            assert answer["status"] == 0, answer
            if not self._objects():
                return
        raise AssertionError(f"after {MOST_PASSES} passes: {self._objects()}")

    def expect_nothing_left(self) -> None:
        """No pod, and no anchor of a run."""
        assert self._objects() == []

    def results(self) -> dict[str, Any]:
        """By "workflow #number", what the ledger says without times; each run committed once."""
        return {run_id.rpartition("-")[0]: found for run_id, found in trial.ended(self.place).items()}

    def _objects(self) -> list[str]:
        found = []
        for kind in ("pods", "configmaps"):
            answer = self._cluster.plane.get(f"/api/v1/namespaces/{self._namespace}/{kind}")
            found += [f"{kind}/{each['metadata']['name']}" for each in json.loads(answer)["items"]]
        return [each for each in found if each != "configmaps/kube-root-ca.crt"]


def expected_attempts(results: Mapping[str, Any]) -> dict[str, int]:
    """What must have been executed for these results: each attempt of each step, once."""
    return {
        f"{run}/{name}/{attempt[0]}": 1
        for run, result in results.items()
        for name, step in result["steps"].items()
        for attempt in step["attempts"]
    }


def by_number(executed: Mapping[str, int]) -> dict[str, int]:
    """The same with run ids cut to workflow and number."""
    cut = {}
    for attempt, count in executed.items():
        run_id, _, rest = attempt.partition("/")
        cut[f"{run_id.rpartition('-')[0]}/{rest}"] = count
    return cut
