"""A damaged file is refused, or what it answers is still true; nothing foreign is raised."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import StateCorrupt
from reconciler.model.problem import Problem
from reconciler.state.glance import glance
from reconciler.state.store import State
from tests.state.samples import NOON, SCHEMAS, ended, entry, opened, update, with_ended_step
from tests.strategies import bare

TRIALS = 1500
"""For each kind of damage."""

Damage = Callable[[bytes, random.Random], bytes]


def fill(state: State) -> None:
    entries = [
        entry(f"w{n}", globs=("a/**",) if n % 3 else (), schedules='[{"cron":"@daily"}]') for n in range(30)
    ]
    problem = Problem("workflows/w1.yaml", 3, 1, "$", "UnknownKey", "unknown key")
    state.apply_catalog(replace(update(*entries), problems_set={problem.path: (problem,)}))
    state.record([with_ended_step(opened(f"w{n}", 2), "s1") for n in range(20)])
    state.record([ended(opened(f"w{n}", 1)) for n in range(20)])
    state.mark_published({ended(opened(f"w{n}", 1)).id: "c" * 40 for n in range(10)})
    state.import_finished([(ended(opened("w0", 1 + n)), "d" * 40) for n in range(2, 40)])
    state.set_schedule_marks({(f"w{n}", "@daily"): NOON for n in range(30)})
    state.set_meta("tree", "1f" * 20)


def answers(state: State) -> list[object]:
    """Everything a pass asks, and the lists that people see."""
    return [
        state.meta("tree"),
        state.open_runs(),
        state.unpublished(100),
        state.published([opened(f"w{n}", 1).id for n in range(20)]),
        state.startable(),
        state.entries(),
        state.scheduled(),
        state.entries_with_globs(),
        state.entries_at(["workflows/w1.yaml"]),
        state.catalog_files(),
        state.catalog_revision(),
        state.verdicts(state.catalog_files().values(), SCHEMAS),
        state.problems(),
        [state.schedule_mark(f"w{n}", "@daily") for n in range(30)],
        state.last_numbers(),
        state.started_digests(),
        state.latest_runs(),
        state.history(limit=100),
        [state.latest(f"w{n}") for n in range(30)],
        state.run("w0", 7),
    ]


def one_byte(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ chance.randrange(1, 256)]) + content[at + 1 :]


def one_letter(content: bytes, chance: random.Random) -> bytes:
    """Another letter or digit in the place of one: what no structure of the file can betray."""
    places = [at for at in chance.sample(range(len(content)), 2000) if chr(content[at]).isalnum()]
    at = chance.choice([place for place in places if content[place] < 128])
    return content[:at] + bytes([chance.choice(b"abcdefghij0123456789")]) + content[at + 1 :]


def garbage(content: bytes, chance: random.Random) -> bytes:
    length = chance.choice((4, 16, 100, 512, 4096))
    at = chance.randrange(len(content) - length)
    return content[:at] + chance.randbytes(length) + content[at + length :]


def zeros(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) // 512) * 512
    return content[:at] + bytes(512) + content[at + 512 :]


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def swapped_pages(content: bytes, chance: random.Random) -> bytes:
    pages = [content[at : at + 4096] for at in range(0, len(content), 4096)]
    first, second = chance.sample(range(len(pages)), 2)
    pages[first], pages[second] = pages[second], pages[first]
    return b"".join(pages)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [one_byte, one_letter, garbage, zeros, cut, swapped_pages])
def test_a_damaged_file_is_refused_or_answers_truly(place: Path, damage: Damage) -> None:
    with State.open(place, parse=bare) as state:
        fill(state)
        truth = answers(state)
    content = place.read_bytes()
    chance = random.Random(7)
    outcomes: Counter[str] = Counter()
    for _ in range(TRIALS):
        place.write_bytes(damage(content, chance))
        glance(place)
        outcomes[outcome(place, truth)] += 1
    print(f"\n{damage.__name__} in {len(content)} bytes: {dict(outcomes)}")
    assert set(outcomes) <= {"refused", "true"}


def outcome(place: Path, truth: list[object]) -> str:
    try:
        with State.open(place, parse=bare) as state:
            found = answers(state)
            state.record([opened("new", 1), with_ended_step(opened("w3", 2), "s2")])
            state.apply_catalog(update(entry("w3", "b"), revision="2" * 40))
    except StateCorrupt:
        return "refused"
    wrong = [at for at, (one, other) in enumerate(zip(found, truth, strict=True)) if one != other]
    return f"wrong answer {wrong}" if wrong else "true"
