"""What people see with sqlite-utils and datasette: the views, whole."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from reconciler.model.problem import Problem
from reconciler.model.run import Phase
from reconciler.state.store import State
from tests.state.samples import digest, ended, entry, opened, update, with_ended_step
from tests.strategies import bare

COLUMNS = {
    "run_history": "run_id workflow number phase reason message trigger created_at started_at finished_at"
    " seconds revision digest ledger_commit",
    "step_history": "workflow number step phase reason message attempts exit_code started_at finished_at"
    " seconds log_tail run_id",
    "attempt_history": "workflow number step attempt phase reason message failure exit_code created_at"
    " started_at finished_at seconds run_id",
    "artifact_list": "workflow number step attempt role name size sha256 form content_type key run_id",
    "parameter_list": "workflow number step attempt role name value run_id",
    "workflow_list": "workflow path digest on_change suspend schedules last_number last_phase"
    " last_created_at",
    "problem_list": "path line column place severity code message",
}
"""The contract with people's queries: columns may be added at the end, none may go or change."""


def filled(place: Path) -> Database:
    with State.open(place, parse=bare) as state:
        problem = Problem("workflows/bad.yaml", 3, 5, "$.spec", "UnknownKey", "unknown key 'stepz': 'steps'?")
        state.apply_catalog(
            replace(update(entry("train"), entry("new")), problems_set={problem.path: (problem,)})
        )
        state.record([ended(opened(steps=1)), with_ended_step(opened(number=2, steps=2), "s0")])
        state.mark_published({ended(opened(steps=1)).id: "c" * 40})
    return Database(place)


def rows(place: Path, view: str) -> list[dict[str, Any]]:
    database = filled(place)
    found = list(database[view].rows)
    database.close()
    return found


def test_the_views_have_the_documented_columns(place: Path) -> None:
    database = filled(place)
    assert {view.name: " ".join(column.name for column in view.columns) for view in database.views} == COLUMNS
    documented = (Path(__file__).parents[2] / "docs" / "state.md").read_text()
    for view, columns in COLUMNS.items():
        assert f"`{view}`" in documented
        assert all(f"`{column}`" in documented for column in columns.split())
    database.close()


def test_run_history_is_newest_first(place: Path) -> None:
    assert rows(place, "run_history") == [
        {
            "run_id": "train-2-00000000",
            "workflow": "train",
            "number": 2,
            "phase": "Running",
            "reason": "",
            "message": "",
            "trigger": "change",
            "created_at": "2026-11-23T12:02:00.000000Z",
            "started_at": "2026-11-23T12:02:00.000000Z",
            "finished_at": None,
            "seconds": None,
            "revision": "1" * 40,
            "digest": digest("a"),
            "ledger_commit": None,
        },
        {
            "run_id": "train-1-00000000",
            "workflow": "train",
            "number": 1,
            "phase": "Succeeded",
            "reason": "",
            "message": "",
            "trigger": "change",
            "created_at": "2026-11-23T12:01:00.000000Z",
            "started_at": "2026-11-23T12:01:00.000000Z",
            "finished_at": "2026-11-23T12:01:06.000000Z",
            "seconds": 6.0,
            "revision": "1" * 40,
            "digest": digest("a"),
            "ledger_commit": "c" * 40,
        },
    ]


def test_step_history_shows_each_step_with_its_last_attempt(place: Path) -> None:
    shown = [
        (
            row["number"],
            row["step"],
            row["phase"],
            row["attempts"],
            row["exit_code"],
            row["seconds"],
            row["log_tail"],
        )
        for row in rows(place, "step_history")
    ]
    assert shown == [
        (2, "s0", "Succeeded", 1, 0, 5.0, "done\n"),
        (2, "s1", "Pending", 0, None, None, None),
        (1, "s0", "Succeeded", 1, 0, 5.0, "done\n"),
    ]


def test_attempts_artifacts_and_parameters_say_whose_they_are(place: Path) -> None:
    database = filled(place)

    def shown(view: str, *columns: str) -> list[tuple[Any, ...]]:
        return [tuple(row[column] for column in columns) for row in database[view].rows_where("number = 2")]

    assert shown("attempt_history", "workflow", "step", "attempt", "phase") == [
        ("train", "s0", 1, "Succeeded")
    ]
    assert shown("artifact_list", "step", "attempt", "role", "name", "size", "key") == [
        ("s0", 1, "log", "log", 5, "runs/train/train-2-00000000/s0/1/log.txt"),
        ("s0", 1, "output", "table", 1000, "runs/train/train-2-00000000/s0/1/artifacts/table"),
    ]
    assert shown("parameter_list", "step", "attempt", "role", "name", "value") == [
        ("", 0, "given", "epochs", "5"),
        ("s0", 1, "output", "rows", "42"),
    ]
    database.close()


def test_workflow_list_shows_the_newest_run_and_workflows_that_never_ran(place: Path) -> None:
    shown = [(row["workflow"], row["last_number"], row["last_phase"]) for row in rows(place, "workflow_list")]
    assert shown == [("new", None, None), ("train", 2, str(Phase.RUNNING))]


def test_problem_list_has_the_place(place: Path) -> None:
    assert rows(place, "problem_list") == [
        {
            "path": "workflows/bad.yaml",
            "line": 3,
            "column": 5,
            "place": "$.spec",
            "severity": "error",
            "code": "UnknownKey",
            "message": "unknown key 'stepz': 'steps'?",
        }
    ]


def test_the_command_of_sqlite_utils_reads_them(place: Path) -> None:
    filled(place).close()
    query = "SELECT workflow, number, phase FROM run_history WHERE phase = 'Succeeded'"
    command = [sys.executable, "-m", "sqlite_utils", "query", str(place), query]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert answer == '[{"workflow": "train", "number": 1, "phase": "Succeeded"}]\n'
