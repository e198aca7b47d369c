"""Killed at every call that changes something, before it and after it: nothing is lost or run twice.

What is compared with the undisturbed run: every run's phase and outputs; every step's phase, reason and
attempts; and how often each attempt was executed, which is once. A new execution could only be a new,
recorded attempt, and none is needed here, since only the pass is killed and its steps go on without it.

In the second half the database is lost or damaged besides, at the same moments. Then the ledger and the
executor's anchors must be enough.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash import trial
from tests.crash.reference import Reference

PARTS = 12
"""Each test takes every twelfth point, so that they can run side by side."""
SHARE = [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))]
"""A twelfth of the moments is tried in `make test`, all of them in CI."""


def trials(reference: Reference, part: int, sides: tuple[str, ...]) -> list[tuple[int, str]]:
    numbers = range(part, len(reference.points), PARTS)
    return [(number, side) for number in numbers for side in sides]


@pytest.mark.parametrize("part", SHARE)
def test_a_pass_killed_at_any_call_is_repaired_by_the_next(driver, reference, root, told, part):
    template = trial.Template(driver, root)
    for number, side in trials(reference, part, ("before", "after")):
        place = template.fresh()
        answer = driver.run(place, number, side)
        trial.carry_on(driver, place)
        told["kills at an enumerated call"] += trial.was_killed(answer)
        told["attempts executed, each once"] += reference.compare(
            place, f"killed {side} call {number}, {reference.points[number]}"
        )
    assert told["kills at an enumerated call"]


@pytest.mark.parametrize("part", SHARE)
def test_a_database_lost_at_any_moment_is_made_anew(driver, unscheduled, root, told, part):
    template = trial.Template(driver, root, scheduled=False)
    for number, side in trials(unscheduled, part, ("after",)):
        place = template.fresh()
        driver.run(place, number, side)
        for file in place.state.glob("state.db*"):
            file.unlink()
            told["databases deleted"] += file.name == "state.db"
        trial.carry_on(driver, place)
        told["attempts executed, each once"] += unscheduled.compare(
            place, f"database lost after call {number}, {unscheduled.points[number]}"
        )
    assert told["databases deleted"]


@pytest.mark.parametrize("part", SHARE)
def test_a_database_damaged_at_any_moment_is_made_anew(driver, unscheduled, root, told, part):
    chance = random.Random(part)
    template = trial.Template(driver, root, scheduled=False)
    for number, side in trials(unscheduled, part, ("after",))[::3]:
        place = template.fresh()
        driver.run(place, number, side)
        damage(place.state / "state.db", chance)
        told["databases damaged"] += 1
        trial.carry_on(driver, place)
        told["attempts executed, each once"] += unscheduled.compare(
            place, f"database damaged after call {number}, {unscheduled.points[number]}"
        )


def damage(file: Path, chance: random.Random) -> None:
    """Cut the file off, or write over a part of it; the journal goes with what it belonged to."""
    if not file.exists():
        return
    content = bytearray(file.read_bytes())
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    else:
        for _ in range(8):
            at = chance.randrange(len(content))
            content[at : at + 64] = chance.randbytes(len(content[at : at + 64]))
    file.write_bytes(content)
    for journal in file.parent.glob("state.db-*"):
        journal.unlink()
