"""A damaged file is refused, or what it answers is still true; nothing foreign is raised."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import StateCorrupt
from reconciler.ledger.overview import Entry
from reconciler.model.problem import Problem
from reconciler.state.store import State
from tests.state.samples import NOON, SCHEMAS, ended, entry, opened, update, with_ended_step
from tests.strategies import bare

TRIALS = 200
"""For each kind of damage; 1,500 of each have been tried, and found no other outcome."""

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
    lines = [Entry(f"w{n}", f"w{n}", n, ("Failed", "Succeeded")[n % 2], f"{NOON}", 3.5) for n in range(30)]
    state.shown.show("3" * 40, {line.place: line for line in lines})


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
        state.history(limit=100),
        [state.latest(f"w{n}") for n in range(30)],
        state.run("w0", 7),
        state.shown.commit(),
        state.shown.lines(["w1", "w2"]),
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
        outcomes[outcome(place, truth)] += 1
    print(f"\n{damage.__name__} in {len(content)} bytes: {dict(outcomes)}")
    assert set(outcomes) <= {"refused", "true"}


@pytest.mark.slow
@pytest.mark.parametrize("damage", [one_byte, one_letter, garbage, zeros, cut, swapped_pages])
def test_no_open_or_unpublished_run_is_hidden_in_a_large_file(
    place: Path, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is not checked as a whole when it is opened: promises must hold without that."""
    monkeypatch.setattr("reconciler.state.connection._SMALL", 0)
    with State.open(place, parse=bare) as state:
        fill(state)
        truth = (state.open_runs(), state.unpublished(100))
    content = place.read_bytes()
    chance = random.Random(11)
    refused = 0
    for _ in range(TRIALS):
        place.write_bytes(damage(content, chance))
        try:
            with State.open(place, parse=bare) as state:
                assert (state.open_runs(), state.unpublished(100)) == truth
                answers(state)
        except StateCorrupt:
            refused += 1
    print(f"\n{damage.__name__}: {refused} of {TRIALS} refused, the others true")


def test_the_full_check_names_the_table_of_a_damaged_row(place: Path) -> None:
    with State.open(place, parse=bare) as state:
        fill(state)
        assert state.check() == []
        with state._connection.write() as cursor:
            cursor.execute("UPDATE attempts SET log_tail = 'gone' WHERE number = 1")
        assert state.check() == ["a row of attempts in the state database is damaged"]


def test_a_lost_row_does_not_pass_for_one_that_never_was(state: State) -> None:
    state.record([with_ended_step(opened(), "s1")])
    with state._connection.write() as cursor:
        cursor.execute("DELETE FROM artifacts WHERE role = 'log'")
    with pytest.raises(StateCorrupt, match="s1 has lost a part of its record"):
        state.open_runs()


def test_damage_is_said_with_what_to_do(place: Path) -> None:
    place.write_bytes(b"garbage" * 1000)
    with pytest.raises(StateCorrupt, match=r"the state database .*state\.db is damaged") as caught:
        State.open(place, parse=bare)
    assert "`reconciler rebuild`" in caught.value.hint


def test_a_database_deleted_between_passes_starts_empty_even_beside_an_old_log(place: Path) -> None:
    """Someone deletes state.db, but not the write-ahead log of a killed pass beside it."""
    with State.open(place, parse=bare) as state:
        state.record([opened()])
        log = place.with_name("state.db-wal").read_bytes()
    place.unlink()
    place.with_name("state.db-wal").write_bytes(log)
    with State.open(place, parse=bare) as state:
        assert state.open_runs() == []
        state.record([opened("b", 1)])
        assert state.check() == []


def test_a_database_deleted_during_a_pass_serves_it_to_its_end_and_no_longer(place: Path) -> None:
    with State.open(place, parse=bare) as state:
        state.record([opened()])
        place.unlink()
        state.record([with_ended_step(opened(), "s1")])
        assert state.open_runs() == [with_ended_step(opened(), "s1")]
    with State.open(place, parse=bare) as state:
        assert state.open_runs() == []
        assert state.check() == []


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
