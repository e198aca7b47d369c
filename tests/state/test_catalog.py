"""The catalog is what the last update made it, and answers what is to start at once."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.catalog import CatalogUpdate
from reconciler.model.problem import Problem, Severity
from reconciler.state.store import State
from tests.state.samples import NOON, SCHEMAS, digest, ended, entry, opened, update


def problem(path: str, line: int, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(path, line, 3, "$.spec.steps", "UnknownKey", "unknown key 'comand': 'command'?", severity)


def test_an_entry_is_read_back_as_it_was_set(state: State) -> None:
    whole = entry(
        "etl",
        parts='{"spec.steps":"00"}',
        files='{"s":[["a.py","1f",true]]}',
        globs=("scripts/**", "data/[ab].csv"),
        on_change=False,
        suspend=True,
        schedules='[{"cron":"0 3 * * *"}]',
    )
    state.apply_catalog(update(whole, entry("plain")))
    assert state.entry("etl") == whole
    assert state.entry("nobody") is None
    assert state.entries() == [whole, entry("plain")]
    assert state.scheduled() == [whole]
    assert state.entries_with_globs() == [whole]
    assert state.entries_at({"workflows/plain.yaml", "elsewhere.yaml"}) == [entry("plain")]
    assert state.entries_named({"etl", "nobody"}) == [whole]


def test_an_update_touches_only_what_it_names(state: State) -> None:
    state.apply_catalog(update(entry("a"), entry("b"), entry("c")))
    state.apply_catalog(
        CatalogUpdate(
            revision="2" * 40,
            schema_digest=SCHEMAS,
            files_set={"workflows/b.yaml": "new"},
            files_gone=frozenset({"workflows/c.yaml"}),
            verdicts={"new": "{}"},
            workflows_set={"b": entry("b", "b")},
            workflows_gone=frozenset({"c"}),
        )
    )
    assert state.catalog_revision() == "2" * 40
    assert state.catalog_files() == {
        "workflows/a.yaml": f"blob of a {digest('a')}",
        "workflows/b.yaml": "new",
    }
    assert state.entries() == [entry("a"), entry("b", "b")]


def test_an_empty_state_has_no_revision(state: State) -> None:
    assert state.catalog_revision() is None
    assert state.startable() == []


def test_problems_are_replaced_file_by_file_and_go_with_their_file(state: State) -> None:
    first = [problem("a.yaml", 9), problem("a.yaml", 2, Severity.WARNING)]
    state.apply_catalog(
        replace(update(), problems_set={"b.yaml": (problem("b.yaml", 1),), "a.yaml": tuple(first)})
    )
    assert state.problems() == [*first, problem("b.yaml", 1)]
    state.apply_catalog(replace(update(), problems_set={"a.yaml": ()}))
    assert state.problems() == [problem("b.yaml", 1)]
    state.apply_catalog(replace(update(), files_gone=frozenset({"b.yaml"})))
    assert state.problems() == []


def test_a_verdict_is_kept_as_long_as_a_file_has_the_content_and_the_schemas_stay(state: State) -> None:
    same = CatalogUpdate(
        "1", SCHEMAS, {"a.yaml": "x", "b.yaml": "x", "c.yaml": "y"}, verdicts={"x": "1", "y": "2"}
    )
    state.apply_catalog(same)
    assert state.verdicts(["x", "y", "z"], SCHEMAS) == {"x": "1", "y": "2"}
    assert state.verdicts(["x"], "other schemas") == {}

    state.apply_catalog(CatalogUpdate("2", SCHEMAS, {"c.yaml": "z"}, frozenset({"a.yaml"})))
    assert state.verdicts(["x", "y"], SCHEMAS) == {"x": "1"}

    state.apply_catalog(CatalogUpdate("3", "other schemas", verdicts={"z": "3"}))
    assert state.verdicts(["x"], SCHEMAS) == {}
    assert state.verdicts(["z"], "other schemas") == {"z": "3"}


def test_a_workflow_is_startable_until_a_run_started_with_its_digest(state: State) -> None:
    state.apply_catalog(
        update(entry("a"), entry("b"), entry("by-hand", on_change=False), entry("asleep", suspend=True))
    )
    assert state.startable() == ["a", "b"]

    state.record([opened("a", 1)])
    assert state.startable() == ["b"]

    state.apply_catalog(update(entry("a", "b")))
    assert state.startable() == ["a", "b"]

    state.record([opened("a", 2, letter="b"), opened("b", 1, letter="c")])
    assert state.startable() == ["b"]

    state.record([ended(opened("b", 1, letter="c"))])
    assert state.startable() == ["b"]


def test_what_ran_before_a_workflow_was_in_the_catalog_counts(state: State) -> None:
    """As after a lost database (the ledger is read first), and for a workflow that comes back."""
    state.import_finished([(ended(opened("a", 1, letter="z")), "c" * 40), (ended(opened("a", 2)), "d" * 40)])
    state.apply_catalog(update(entry("a"), entry("b")))
    assert state.startable() == ["b"]

    state.apply_catalog(replace(update(), workflows_gone=frozenset({"a"})))
    state.apply_catalog(update(entry("a")))
    assert state.startable() == ["b"]


def test_of_a_run_without_its_record_the_beginning_of_the_digest_counts(state: State) -> None:
    """The trailers of its commit hold no more."""
    known, other = ended(opened("a", 1)), ended(opened("b", 1, letter="z"))
    short = [replace(run, digest=run.digest[:23]) for run in (known, other)]
    state.import_finished([(short[0], "c" * 40), (short[1], "d" * 40)])
    state.apply_catalog(update(entry("a"), entry("b")))
    assert state.startable() == ["b"]


def test_an_import_after_the_catalog_counts_too(state: State) -> None:
    state.apply_catalog(update(entry("a"), entry("b")))
    state.import_finished([(ended(opened("b", 1)), "c" * 40)])
    assert state.startable() == ["a"]


def test_schedule_marks_are_kept_by_cron_line_and_go_with_the_workflow(state: State) -> None:
    state.apply_catalog(update(entry("a")))
    state.set_schedule_marks({("a", "0 3 * * *"): NOON, ("a", "0 4 * * *"): NOON})
    state.set_schedule_marks({("a", "0 4 * * *"): NOON + timedelta(days=1)})
    assert state.schedule_mark("a", "0 3 * * *") == NOON
    assert state.schedule_mark("a", "0 4 * * *") == NOON + timedelta(days=1)
    assert state.schedule_mark("a", "other") is None
    state.apply_catalog(replace(update(), workflows_gone=frozenset({"a"})))
    assert state.schedule_mark("a", "0 3 * * *") is None


def test_meta_is_a_note_by_key(state: State) -> None:
    assert state.meta("tree") is None
    state.set_meta("tree", "1f")
    state.set_meta("tree", "2f")
    assert state.meta("tree") == "2f"


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (State.startable, "workflows_startable"),
        (State.scheduled, "workflows_scheduled"),
        (State.entries_with_globs, "workflows_globs"),
        (lambda state: state.entries_at(["x"]), "workflows_by_path"),
        (State.open_runs, "runs_by_phase"),
        (State.last_numbers, "runs_by_name"),
        (State.history, "runs_by_time"),
        (lambda state: state.history("a"), "runs_by_name"),
        (lambda state: state.unpublished(9), "outbox_order"),
    ],
)
def test_no_question_reads_a_whole_table(state: State, question: object, index: str) -> None:
    raw = state._connection._raw
    asked: list[str] = []
    raw.set_trace_callback(asked.append)
    question(state)  # type: ignore[operator]
    raw.set_trace_callback(None)
    plans = [
        " ".join(row[3] for row in raw.execute("EXPLAIN QUERY PLAN " + statement))
        for statement in asked
        if statement.startswith("SELECT")
    ]
    assert any(index in plan for plan in plans), plans
    whole = [plan for plan in plans if "SCAN workflows USING" not in plan and "SCAN workflows" in plan]
    assert whole == []


@pytest.mark.slow
def test_ten_thousand_workflows(state: State) -> None:
    document = '{"steps":' + '"x"' * 500 + "}"
    many = [
        entry(f"w{n}", document=document, globs=("data/**",) if n % 100 == 0 else ()) for n in range(10_000)
    ]
    timed = {}

    def measure(what: str, act: object) -> object:
        start = time.perf_counter()
        answer = act()  # type: ignore[operator]
        timed[what] = time.perf_counter() - start
        return answer

    measure("apply_catalog, all of 10,000", lambda: state.apply_catalog(update(*many)))
    assert len(measure("startable, all of them", state.startable)) == 10_000  # type: ignore[arg-type]
    state.import_finished([(ended(opened(each.name, 1, steps=1)), "c" * 40) for each in many])
    assert measure("startable, none of them", state.startable) == []
    measure("apply_catalog, one of 10,000", lambda: state.apply_catalog(update(entry("w7", "b"))))
    assert measure("startable, one of them", state.startable) == ["w7"]
    assert len(measure("catalog_files", state.catalog_files)) == 10_000  # type: ignore[arg-type]
    assert len(measure("entries_with_globs", state.entries_with_globs)) == 100  # type: ignore[arg-type]
    print("", *(f"{seconds * 1000:8.2f} ms  {what}" for what, seconds in timed.items()), sep="\n")
