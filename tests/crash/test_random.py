"""Killed at random moments, again and again, while real steps run: in the end all is as it should be."""

from __future__ import annotations

import random

import pytest

from tests.crash import trial

SEED = 20261123
PLACES = 20
KILLS = 10
"""Together 200 kills."""
OFTEN = 2
"""Places that `make test` tries; CI tries all."""


@pytest.mark.parametrize(
    "number", [*range(OFTEN), *(pytest.param(each, marks=pytest.mark.slow) for each in range(OFTEN, PLACES))]
)
def test_ten_kills_at_random_moments_lose_and_repeat_nothing(driver, reference, root, told, number):
    chance = random.Random(SEED + number)
    template = trial.Template(driver, root, slowly=True)
    kills = 0
    while kills < KILLS:
        place = template.fresh()
        alive = True
        while (
            alive and kills < KILLS
        ):  # a pass that ends before its moment has ended everything at this place
            alive = trial.was_killed(driver.run(place, kill_after=chance.uniform(0.005, 0.2)))
            kills += alive
        trial.carry_on(driver, place)
        what = f"seed {SEED + number}, after {kills} kills"
        told["attempts executed, each once"] += reference.compare(place, what)
    told["kills at a random moment"] += kills
