"""Killed at random moments, again and again, while real steps run: in the end all is as it should be."""

from __future__ import annotations

import random

import pytest

from tests.crash import trial

SEED = 20261123
PLACES = 20
KILLS = 10
"""Together 200 kills."""


@pytest.mark.parametrize("number", range(PLACES))
def test_ten_kills_at_random_moments_lose_and_repeat_nothing(driver, reference, root, told, number):
    chance = random.Random(SEED + number)
    place = trial.prepared(root, slowly=True)
    kills = 0
    while kills < KILLS:
        answer = driver.run(place, kill_after=chance.uniform(0.005, 0.2))
        if not trial.was_killed(answer):
            break  # everything had ended before the moment came; the other places make up for it
        kills += 1
    told["kills at a random moment"] += kills
    trial.carry_on(driver, place)
    told["attempts executed, each once"] += reference.compare(place, f"seed {SEED + number}, {kills} kills")
    assert kills
