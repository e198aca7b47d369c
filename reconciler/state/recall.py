"""Rows into runs: whole ones from five tables at once, and summaries for lists."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from reconciler.errors import StateCorrupt
from reconciler.model.run import Artifact, Attempt, Outputs, Run, StepRun
from reconciler.model.workflow import Workflow
from reconciler.state.failures import REBUILD
from reconciler.state.recording import DEFINITIONS
from reconciler.state.rows import (
    ARTIFACTS,
    ATTEMPTS,
    GIVEN,
    LOG,
    OUTPUT,
    PARAMETERS,
    RUNS,
    STEPS,
    Place,
    to_artifact,
    to_attempt,
    to_run,
    to_step,
)
from reconciler.state.table import Row, Table

Parse = Callable[[Mapping[str, Any]], Workflow]
"""How a stored document becomes a workflow again; the definition layer knows."""

Values = dict[tuple[Place, str], dict[str, Any]]
"""Artifacts or parameters by name, under whose they are and their role."""


def whole_runs(
    cursor: sqlite3.Cursor, parse: Parse, keys: str, values: Row = (), order: str = "key"
) -> list[Run]:
    """The runs that the query `keys` chooses, complete."""
    return _Recall(cursor, parse, keys, values).runs(order)


def summaries(cursor: sqlite3.Cursor, where: str, values: Row = ()) -> list[Run]:
    """The runs that `where` chooses, without definition, steps and values."""
    return [to_run(row) for row in RUNS.select(cursor, where, values)]


class _Recall:
    """Everything that belongs to the chosen runs, each table read once."""

    def __init__(self, cursor: sqlite3.Cursor, parse: Parse, keys: str, values: Row) -> None:
        self._cursor = cursor
        self._keys = keys
        self._bound = values
        self._definitions = dict(self._read_definitions(parse))
        self._artifacts = self._read_values(ARTIFACTS, to_artifact)
        self._parameters = self._read_values(PARAMETERS, lambda row: json.loads(str(row[6])))
        self._attempts = self._read_attempts()
        self._steps = self._read_steps()

    def runs(self, order: str) -> list[Run]:
        rows = RUNS.select(self._cursor, f"key IN ({self._keys}) ORDER BY {order}", self._bound)
        return [self._run(row) for row in rows]

    def _run(self, row: Row) -> Run:
        key, place = _integer(row[0]), (_integer(row[0]), "", 0)
        workflow, parts = self._definitions.get(row[9], (None, None))
        run = to_run(
            row,
            workflow=workflow,
            parts=parts,
            parameters=self._parameters.get((place, GIVEN)),
            bundles=self._artifacts.get((place, GIVEN)),
            steps=self._steps.get(key),
            outputs=self._outputs(place),
        )
        _expect(run.title, (parts is not None,), (row[9] is not None,))
        found = len(run.parameters) + len(run.bundles) + _size(run.outputs)
        _expect(run.title, (len(run.steps), found), row[17:])
        return run

    def _read_steps(self) -> Mapping[int, dict[str, StepRun]]:
        steps: dict[int, dict[str, StepRun]] = defaultdict(dict)
        for row in self._children(STEPS, "position"):
            key, name = _integer(row[0]), str(row[1])
            attempts = tuple(self._attempts.get((key, name), ()))
            _expect(name, (len(attempts),), row[8:])
            steps[key][name] = to_step(row, attempts)
        return steps

    def _read_attempts(self) -> Mapping[tuple[int, str], list[Attempt]]:
        attempts: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
        for row in self._children(ATTEMPTS, "number"):
            place = cast(Place, row[:3])
            logs: dict[str, Artifact] = self._artifacts.get((place, LOG), {})
            attempt = to_attempt(row, self._outputs(place), next(iter(logs.values()), None))
            _expect(place[1], (_size(attempt.outputs) + len(logs),), row[13:])
            attempts[place[0], place[1]].append(attempt)
        return attempts

    def _read_values(self, table: Table, decode: Callable[[Row], Any]) -> Values:
        values: Values = defaultdict(dict)
        for row in self._children(table, "position"):
            values[cast(Place, row[:3]), str(row[3])][str(row[5])] = decode(row)
        return values

    def _read_definitions(
        self, parse: Parse
    ) -> Iterator[tuple[object, tuple[Workflow | None, Mapping[str, str]]]]:
        chosen = f"id IN (SELECT definition_id FROM runs WHERE key IN ({self._keys}))"
        for number, _, document, parts in DEFINITIONS.select(self._cursor, chosen, self._bound):
            workflow = None if document is None else parse(json.loads(str(document)))
            yield number, (workflow, json.loads(str(parts)))

    def _children(self, table: Table, order: str) -> Iterator[Row]:
        return table.select(self._cursor, f"run_key IN ({self._keys}) ORDER BY run_key, {order}", self._bound)

    def _outputs(self, place: Place) -> Outputs:
        parameters, artifacts = self._parameters.get((place, OUTPUT)), self._artifacts.get((place, OUTPUT))
        return Outputs(parameters or {}, artifacts or {}) if parameters or artifacts else _NOTHING


_NOTHING = Outputs()


def _integer(value: object) -> int:
    return cast(int, value)


def _size(outputs: Outputs) -> int:
    return len(outputs.parameters) + len(outputs.artifacts)


def _expect(what: str, found: tuple[int, ...], recorded: Row) -> None:
    """Every parent knows how many rows belong to it: a lost one must not look like one that never was."""
    if found != recorded:
        raise StateCorrupt(
            f"the state database is damaged: {what} has lost a part of its record", hint=REBUILD
        )
