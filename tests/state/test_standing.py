"""The overview of all workflows comes out of a few rows as it would out of all lines."""

from __future__ import annotations

import random
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.ledger.overview import Entry, Rest, render
from reconciler.model.run import Phase
from reconciler.state.store import State
from tests.strategies import bare

TIP = "1" * 40


def line(name: str, minute: int, phase: str = "Succeeded", *, sharded: bool = False) -> Entry:
    place = f"_/{sha256(name.encode()).hexdigest()[:2]}/{name}" if sharded else name
    return Entry(name, place, 1 + minute, phase, f"2026-11-23T00:{minute:02}:00.000Z", 61)


lines = st.builds(
    line,
    st.sampled_from("abcdefgh"),
    st.integers(0, 3),
    st.sampled_from([str(phase) for phase in Phase]),
    sharded=st.booleans(),
)


def by_place(entries: list[Entry]) -> dict[str, Entry | None]:
    return {entry.place: entry for entry in entries}


def page(state: State, names: list[str]) -> str:
    known, rest = state.shown.lines(names)
    return render(known.values(), rest)


def shown(places: dict[str, Entry | None]) -> list[Entry]:
    """The lines that count, found the slow way: of two places, the one at the top."""
    there = [entry for entry in places.values() if entry is not None]
    tops = {entry.workflow for entry in there if entry.place == entry.workflow}
    return [entry for entry in there if entry.place == entry.workflow or entry.workflow not in tops]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(lines), max_size=3), st.lists(st.sampled_from("abcdefgh")), st.data())
def test_the_page_is_that_of_all_lines_whichever_are_asked_for(
    steps: list[list[Entry]], names: list[str], data: st.DataObject
) -> None:
    places: dict[str, Entry | None] = {}
    with State.in_memory(parse=bare) as state:
        for step in steps:
            gone = data.draw(st.lists(st.sampled_from(sorted(places)))) if places else []
            changed = {**dict.fromkeys(gone), **by_place(step)}
            places.update(changed)
            state.shown.show(TIP, changed)
        assert page(state, names) == render(shown(places))
        assert state.check() == []


def test_the_page_is_the_same_where_it_cannot_show_all_of_them(state: State) -> None:
    chance = random.Random(3)
    phases = ["Succeeded"] * 3 + ["Failed", "Cancelled"]
    many = [
        line(f"w{number:04}", chance.randrange(60), chance.choice(phases), sharded=number > 100)
        for number in range(900)
    ]
    state.shown.show(TIP, by_place(many))
    names = [entry.workflow for entry in chance.sample(many, 250)]
    assert [page(state, some) for some in ([], names[:1], names)] == [render(many)] * 3


def test_what_stood_before_is_forgotten_where_all_is_read_anew(state: State) -> None:
    state.shown.show(TIP, by_place([line("a", 1), line("b", 2)]))
    state.shown.show("2" * 40, by_place([line("b", 3)]), anew=True)
    assert state.shown.commit() == "2" * 40
    assert state.shown.lines(["a", "b"]) == ({"b": line("b", 3)}, Rest({}, ()))


def test_numbers_that_no_column_holds_stand_as_they_are(state: State) -> None:
    """Whoever can push to the ledger can write any JSON there."""
    strange = [line("a", 1)._replace(number=2**70, duration=True), line("b", 1)._replace(duration=10**400)]
    state.shown.show(TIP, by_place(strange))
    assert list(state.shown.lines(["a", "b"])[0].values()) == strange
    assert state.check() == []
