"""What is recorded of runs is what is read back, and nothing more is written than what changed."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StateError
from reconciler.model.run import Attempt, Phase, Run
from reconciler.state.store import State
from tests.chance import examples
from tests.state.samples import NOON, ended, opened, with_ended_step
from tests.strategies import bare, runs, successors


@given(run=runs(), data=st.data())
@examples(40)
def test_any_run_is_read_back_as_it_was_recorded(run: Run, data: st.DataObject) -> None:
    with State.in_memory(parse=bare) as state:
        state.record([run])
        assert state.run_by_id(run.id) == run
        assert state.run(run.name, run.number) == run
        assert state.open_runs() == ([] if run.phase.is_terminal else [run])

        for _ in range(3):
            run = data.draw(successors(run))
            state.record([run])
            assert state.run_by_id(run.id) == run
        assert state.check() == []


@given(run=runs(), data=st.data())
@examples(20)
def test_a_run_known_only_from_another_process_is_replaced_as_a_whole(run: Run, data: st.DataObject) -> None:
    with State.in_memory(parse=bare) as state:
        state.record([run])
        state._known.clear()  # as after the death of the process that recorded it
        changed = data.draw(successors(run))
        state.record([changed])
        assert state.run_by_id(run.id) == changed
        assert state.check() == []


def test_the_order_of_steps_and_values_is_kept(state: State) -> None:
    run = replace(opened(steps=20), parameters={"z": 1, "a": 2, "m": 3})
    state.record([run])
    kept = state.run("train", 1)
    assert kept is not None
    assert list(kept.steps) == list(run.steps)
    assert list(kept.parameters) == ["z", "a", "m"]


def test_only_what_changed_is_written(state: State) -> None:
    """2 of 1,000 steps end: 2 steps, 2 attempts and what these gave are written; not the run itself."""
    run = opened(steps=1000)
    state.record([run])
    changed = with_ended_step(with_ended_step(run, "s7"), "s700")
    assert written(state, changed) == {"steps": 2, "attempts": 2, "artifacts": 4, "parameters": 2}


def test_a_run_that_did_not_change_is_not_written_at_all(state: State) -> None:
    run = opened()
    state.record([run])
    assert written(state, run) == {}
    assert written(state, replace(run)) == {}


def test_what_was_loaded_counts_as_recorded(place: Path) -> None:
    run = opened(steps=100)
    with State.open(place, parse=bare) as state:
        state.record([run])
    with State.open(place, parse=bare) as state:
        [loaded] = state.open_runs()
        assert written(state, with_ended_step(loaded, "s1")) == {
            "steps": 1,
            "attempts": 1,
            "artifacts": 2,
            "parameters": 1,
        }


def test_runs_of_one_definition_share_its_document(state: State) -> None:
    state.record([opened(number=number) for number in range(1, 6)])
    assert rows(state, "SELECT count(*) FROM definitions") == [(1,)]


def test_all_of_a_record_is_written_or_nothing(state: State) -> None:
    """The second run cannot be stored; the first one is then not stored either."""
    too_big = replace(opened(number=2), number=2**70)
    with pytest.raises(StateError, match="cannot be stored"):
        state.record([opened(number=1), too_big])
    assert state.history() == []
    state.record([opened(number=1)])
    assert state.open_runs() == [opened(number=1)]


def test_text_that_utf8_cannot_carry_does_not_keep_a_step_from_being_recorded(state: State) -> None:
    run = opened()
    attempt = Attempt(1, NOON, log_tail="caf\udce9", message="\udcff\0")
    run = replace(run.with_step(run.steps["s0"].with_attempt(attempt)), parameters={"p": "\udce9"})
    state.record([run])
    [kept] = state.open_runs()
    assert kept.steps["s0"].attempts[0].log_tail == "caf?"
    assert kept.steps["s0"].attempts[0].message == "?\0"
    assert kept.parameters == {"p": "\udce9"}


def test_open_runs_are_those_that_have_not_ended_oldest_first(state: State) -> None:
    suspended = replace(opened("b", 1), phase=Phase.SUSPENDED)
    pending = replace(opened("a", 2), phase=Phase.PENDING)
    state.record([suspended, ended(opened("a", 1)), pending])
    assert state.open_runs() == [suspended, pending]


def test_history_is_newest_first_and_can_be_narrowed(state: State) -> None:
    state.record([ended(opened("a", n), Phase.FAILED if n % 2 else Phase.SUCCEEDED) for n in range(1, 7)])
    state.record([opened("b", 9)])

    def titles(found: list[Run]) -> list[str]:
        return [run.title for run in found]

    assert titles(state.history(limit=3)) == ["b #9", "a #6", "a #5"]
    assert titles(state.history("a", limit=2)) == ["a #6", "a #5"]
    assert titles(state.history("a", limit=2, before=5)) == ["a #4", "a #3"]
    assert titles(state.history("a", Phase.FAILED)) == ["a #5", "a #3", "a #1"]
    assert titles(state.history(phase=Phase.RUNNING)) == ["b #9"]
    assert titles(state.history("c")) == []


def test_a_summary_has_everything_but_definition_steps_and_values(state: State) -> None:
    run = ended(opened())
    state.record([run])
    assert state.history() == [replace(run, workflow=None, parts={}, parameters={}, steps={})]


def test_the_newest_run_of_a_workflow_tells_number_and_digest(state: State) -> None:
    state.record([opened("a", 10, letter="b"), ended(opened("a", 9)), ended(opened("b", 1))])
    assert state.last_numbers() == {"a": 10, "b": 1}
    assert (state.last_number("a"), state.last_number("c")) == (10, 0)
    assert state.latest("a") == opened("a", 10, letter="b")
    assert state.latest("c") is None


def test_ended_runs_wait_in_the_order_of_their_end_until_they_are_published(state: State) -> None:
    first, second = ended(opened("z", 1)), ended(opened("a", 2))
    late = replace(ended(opened("m", 1)), finished_at=NOON + timedelta(days=1))
    state.record([late, second, first, opened("open", 1)])
    assert state.unpublished(10) == [first, second, late]
    assert state.unpublished(1) == [first]

    state.mark_published({first.id: "c" * 40, late.id: "d" * 40, "unknown": "e" * 40})
    assert state.unpublished(10) == [second]
    assert state.published([first.id, second.id, late.id, "unknown"]) == {first.id, late.id}


def test_a_published_run_that_is_recorded_again_does_not_wait_again(place: Path) -> None:
    run = ended(opened())
    with State.open(place, parse=bare) as state:
        state.record([run])
        state.mark_published({run.id: "c" * 40})
    with State.open(place, parse=bare) as state:
        state.record([run])
        assert state.unpublished(10) == []


def test_finished_runs_are_imported_once_and_do_not_wait_for_publishing(state: State) -> None:
    runs_ = [replace(ended(opened("a", n)), workflow=None) for n in (1, 2)]
    doubled = [(run, "c" * 40) for run in (*runs_, *runs_)]
    state.import_finished(doubled)
    state.import_finished(doubled)
    assert state.unpublished(10) == []
    assert [run.title for run in state.history()] == ["a #2", "a #1"]
    assert state.run("a", 2) == runs_[1]
    assert state.published([run.id for run in runs_]) == {run.id for run in runs_}
    assert state.last_numbers() == {"a": 2}


def test_an_import_ends_what_is_in_flight_here_and_ended_elsewhere(state: State) -> None:
    """The state was put back from a copy that is older than the ledger."""
    flying = opened("a", 3)
    state.record([flying])
    state.import_finished([(ended(opened("a", 2)), "c" * 40), (ended(flying), "d" * 40)])
    assert (state.open_runs(), state.open_count()) == ([], 0)
    assert state.run_by_id(flying.id) == ended(flying)
    assert state.published([flying.id]) == {flying.id}
    assert state.unpublished(10) == []
    assert state.check() == []


def test_an_import_leaves_what_ended_here_as_it_is(state: State) -> None:
    here = ended(opened("a", 3))
    state.record([here])
    state.import_finished([(replace(here, parameters={"other": 1}), "d" * 40)])
    assert state.run_by_id(here.id) == here


def test_ten_thousand_open_runs_are_recorded_and_loaded(place: Path) -> None:
    many = [with_ended_step(opened(f"w{n}", 1), "s0") for n in range(10_000)]
    with State.open(place, parse=bare) as state:
        start = time.perf_counter()
        state.record(many)
        recorded = time.perf_counter()
    with State.open(place, parse=bare) as state:
        opened_at = time.perf_counter()
        loaded = state.open_runs()
        print(
            f"\n10,000 runs of 3 steps: recorded in {recorded - start:.2f} s,"
            f" loaded in {time.perf_counter() - opened_at:.2f} s"
        )
        assert loaded == many
        assert written(state, with_ended_step(loaded[5000], "s1"))["steps"] == 1


@pytest.mark.slow
def test_twenty_thousand_runs_are_imported(place: Path) -> None:
    steps = ended(opened(steps=2)).steps

    def ledger() -> list[tuple[Run, str]]:
        return [
            (replace(opened(f"w{n % 50}", n), workflow=None, phase=Phase.FAILED, steps=steps), "c" * 40)
            for n in range(1, 20_001)
        ]

    runs_ = ledger()
    with State.open(place, parse=bare) as state:
        start = time.perf_counter()
        state.import_finished(runs_)
        print(f"\n20,000 runs of 2 steps: imported in {time.perf_counter() - start:.1f} s")
        assert rows(state, "SELECT count(*) FROM runs") == [(20_000,)]
        assert state.last_number("w7") == 19_957
        start = time.perf_counter()
        assert len(state.history(limit=20)) == 20
        print(f"20 newest of them: {(time.perf_counter() - start) * 1000:.1f} ms")
    print(f"file: {place.stat().st_size / 2**20:.0f} MiB")


def written(state: State, run: Run) -> dict[str, int]:
    """How many rows each table is asked to take when `run` is recorded."""
    raw = state._connection._raw
    seen: Counter[str] = Counter()

    def note(statement: str) -> None:
        if found := re.match(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", statement):
            seen[found[1]] += 1

    raw.set_trace_callback(note)
    try:
        state.record([run])
    finally:
        raw.set_trace_callback(None)
    return dict(seen)


def rows(state: State, query: str) -> list[tuple[object, ...]]:
    with state._connection.read() as cursor:
        return cursor.execute(query).fetchall()
