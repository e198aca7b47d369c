"""SIGKILL at every request that changes something in the cluster, and at random moments: with simulated pods.

What must hold in the end: every run is committed once, with the result of an undisturbed run; each attempt
was one pod object, seen from beside; there is no attempt that an undisturbed run does not have; and nothing
of ours is left in the cluster. The same must hold where the database is lost with each kill.

RECONCILER_CRASH_KILLS sets the number of random kills of each of the two tests.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.cluster import crashing
from tests.cluster.crashing import Lab
from tests.cluster.witness import watching
from tests.crash import trial

SEED = 20261127
KILLS = int(os.environ.get("RECONCILER_CRASH_KILLS", "300"))
LONGEST = 1.5
"""Seconds after which a pass is killed at the latest."""

STATE = pytest.mark.parametrize("lost", [False, True], ids=["state kept", "state lost"])


@pytest.fixture(scope="session")
def cluster_driver() -> Iterator[trial.Driver]:
    made = trial.Driver(in_cluster=True)
    yield made
    made.close()


@pytest.fixture
def lab(cluster_driver, kwok_cluster, kwok_namespace, root) -> Lab:
    return Lab(cluster_driver, kwok_cluster, kwok_namespace, root)


@STATE
def test_a_pass_killed_at_any_request_is_repaired_by_the_next(lab, kwok_cluster, kwok_namespace, told, lost):
    lab.place.push(**crashing.small())
    lab.keep()
    points = lab.run()["points"]
    lab.carry_on()
    reference = lab.results()
    sides = ("after",) if lost else ("before", "after")
    for number, side in ((number, side) for number in range(len(points)) for side in sides):
        lab.fresh()
        with watching(kwok_cluster, kwok_namespace) as witness:
            killed = trial.was_killed(lab.run(number, side))
            gone = lost and lab.lose_state()
            lab.carry_on()
            executed = crashing.by_number(witness.executed())
        what = f"killed {side} request {number}, {points[number]}"
        assert lab.results() == reference, what
        assert executed == crashing.expected_attempts(reference), what
        lab.expect_nothing_left()
        told["kills at an enumerated request"] += killed
        told["databases deleted"] += gone
        told["pods, each the only one of its attempt"] += len(executed)
    assert told["kills at an enumerated request"] > len(points) // 2


@STATE
def test_kills_at_random_moments_lose_and_repeat_nothing(lab, kwok_cluster, kwok_namespace, told, lost):
    chance = random.Random(SEED + lost)
    rounds = kills = 0
    with watching(kwok_cluster, kwok_namespace) as witness:
        while kills < KILLS:
            rounds += 1
            lab.place.push(f"Round {rounds}", **crashing.fifty(rounds))
            while kills < KILLS:
                answer = lab.run(kill_after=chance.uniform(0.1, LONGEST))
                if not trial.was_killed(answer):
                    assert answer["status"] == 0, answer
                    break  # it ended by itself: everything of this round has ended
                kills += 1
                told["databases deleted"] += lost and lab.lose_state()
        lab.carry_on()
        executed = crashing.by_number(witness.executed())
    results = lab.results()
    told["kills at a random moment"] += kills
    told["runs, each committed once"] += len(results)
    told["pods, each the only one of its attempt"] += len(executed)
    assert sorted(results) == sorted(
        f"w{n:02}-{number}" for n in range(50) for number in range(1, rounds + 1)
    )
    for run, result in results.items():
        number = int(run[1:3])
        assert result["phase"] == ("Failed" if number % 3 == 2 and number % 2 else "Succeeded"), run
        assert result == results[f"{run[:3]}-1"], run
    assert executed == crashing.expected_attempts(results)
    lab.expect_nothing_left()
