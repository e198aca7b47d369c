"""Runs into rows: only what differs from what is known to be recorded is written.

A tick that ends 2 of 1,000 steps replaces 2 values in the run, and identity finds them without a look
into the other 998.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from itertools import compress, repeat
from operator import is_not

from reconciler.model.run import Attempt, Outputs, Phase, Run, StepRun
from reconciler.state import tally
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
    artifact_rows,
    attempt_row,
    parameter_rows,
    run_row,
    step_row,
    to_json,
    to_text,
)
from reconciler.state.table import Row, Table

DEFINITIONS = Table("definitions", ("id", "sha256", "document", "parts"), ("id",))

_NO_ATTEMPT: Mapping[int, Attempt] = {}
_NOTHING = Outputs()


class Recording:
    """The rows of one transaction, gathered by table and written together, parents first."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._definitions: dict[str, int] = {}
        self._rows: dict[Table, list[Row]] = {
            RUNS: [],
            STEPS: [],
            ATTEMPTS: [],
            ARTIFACTS: [],
            PARAMETERS: [],
        }
        self._added: set[str] = set()
        self._next_key = 0
        self._opened = 0

    def put(self, run: Run, known: Run | None) -> None:
        """Gather what of `run` differs from `known`; None stands for whatever the database holds."""
        stored = self._stored(run.id)
        was_open = stored is not None and not Phase(stored[2]).is_terminal
        self._opened += (not run.phase.is_terminal) - was_open
        if stored is None:
            self._put_whole(self._new_key(), run, self._definition(run))
        elif known is None:
            self._forget_children(stored[0])
            self._put_whole(stored[0], run, self._definition(run))
        else:
            self._put_changes(stored[0], run, known, stored[1])

    def add(self, run: Run) -> int | None:
        """Gather an ended run that may be here already: its key, or None where it has ended here, too."""
        stored = None if run.id in self._added else self._stored(run.id)
        if run.id in self._added or (stored is not None and Phase(stored[2]).is_terminal):
            return None
        self._added.add(run.id)
        if stored is None:
            key = self._new_key()
        else:
            key = stored[0]
            self._opened -= 1
            self._forget_children(key)
        self._put_whole(key, run, self._definition(run))
        return key

    def write(self) -> None:
        """Write what was gathered."""
        tally.change(self._cursor, tally.OPEN, self._opened)
        self._opened = 0
        for table, rows in self._rows.items():
            table.put(self._cursor, rows)
            rows.clear()

    def _put_whole(self, key: int, run: Run, definition_id: int | None) -> None:
        self._rows[RUNS].append(run_row(key, run, definition_id))
        self._put_run_values(key, run)
        for position, step in enumerate(run.steps.values()):
            self._put_step(key, position, step, None)

    def _put_changes(self, key: int, run: Run, known: Run, definition_id: int | None) -> None:
        if run.workflow is not known.workflow or run.parts is not known.parts:
            definition_id = self._definition(run)
        row = run_row(key, run, definition_id)
        if row != run_row(key, known, definition_id):
            self._rows[RUNS].append(row)
        if _values(run) != _values(known):
            self._forget_values((key, "", 0))
            self._put_run_values(key, run)
        if run.steps is known.steps:
            return
        if list(known.steps) == list(run.steps):  # then what differs is found without a loop
            different: Iterable[bool] = map(is_not, run.steps.values(), known.steps.values())
        else:
            different = repeat(True)
            for name in known.steps.keys() - run.steps.keys():
                self._forget_step(key, name)
        for position, step in compress(enumerate(run.steps.values()), different):
            before = known.steps.get(step.name)
            if step != before:
                self._put_step(key, position, step, before)

    def _put_run_values(self, key: int, run: Run) -> None:
        place = (key, "", 0)
        self._rows[PARAMETERS] += parameter_rows(place, GIVEN, run.parameters)
        self._rows[ARTIFACTS] += artifact_rows(place, GIVEN, run.bundles)
        self._put_outputs(place, run.outputs)

    def _put_step(self, key: int, position: int, step: StepRun, known: StepRun | None) -> None:
        self._rows[STEPS].append(step_row(key, position, step))
        before = {a.number: a for a in known.attempts} if known and known.attempts else _NO_ATTEMPT
        for attempt in step.attempts:
            if attempt is not before.get(attempt.number):
                self._put_attempt((key, step.name, attempt.number), attempt, before.get(attempt.number))
        for number in before.keys() - {a.number for a in step.attempts}:
            self._forget_attempt((key, step.name, number))

    def _put_attempt(self, place: Place, attempt: Attempt, known: Attempt | None) -> None:
        self._rows[ATTEMPTS].append(attempt_row(place[0], place[1], attempt))
        if known is not None:
            if known.outputs == attempt.outputs and known.log == attempt.log:
                return
            if known.outputs != _NOTHING or known.log is not None:
                self._forget_values(place)
        self._put_outputs(place, attempt.outputs)
        if attempt.log is not None:
            self._rows[ARTIFACTS] += artifact_rows(place, LOG, {attempt.log.name: attempt.log})

    def _put_outputs(self, place: Place, outputs: Outputs) -> None:
        self._rows[PARAMETERS] += parameter_rows(place, OUTPUT, outputs.parameters)
        self._rows[ARTIFACTS] += artifact_rows(place, OUTPUT, outputs.artifacts)

    def _stored(self, run_id: str) -> tuple[int, int | None, str] | None:
        query = "SELECT key, definition_id, phase FROM runs WHERE id = ?"
        row = self._cursor.execute(query, (run_id,)).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    def _new_key(self) -> int:
        if not self._next_key:
            self._next_key = self._cursor.execute("SELECT coalesce(max(key), 0) FROM runs").fetchone()[0]
        self._next_key += 1
        return self._next_key

    def _definition(self, run: Run) -> int | None:
        """The definition that the run keeps, stored once for all runs that share it."""
        if run.workflow is None and not run.parts:
            return None
        from hashlib import sha256  # a pass that starts no run can do without OpenSSL

        document = None if run.workflow is None else to_json(run.workflow.document)
        parts = to_json(dict(run.parts))
        name = sha256(f"{document}\n{parts}".encode()).hexdigest()
        if name not in self._definitions:
            self._definitions[name] = self._stored_definition(name, document, parts)
        return self._definitions[name]

    def _stored_definition(self, sha256: str, document: str | None, parts: str) -> int:
        query = "SELECT id FROM definitions WHERE sha256 = ?"
        row = self._cursor.execute(query, (sha256,)).fetchone()
        if row is None:
            row = self._cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM definitions").fetchone()
            DEFINITIONS.add(self._cursor, [(row[0], sha256, document, parts)])
        return int(row[0])

    def _forget_children(self, key: int) -> None:
        self._cursor.execute("DELETE FROM steps WHERE run_key = ?", (key,))
        for table in (ARTIFACTS, PARAMETERS):
            self._cursor.execute(f"DELETE FROM {table.name} WHERE run_key = ?", (key,))

    def _forget_step(self, key: int, step: str) -> None:
        self._cursor.execute("DELETE FROM steps WHERE run_key = ? AND name = ?", (key, step))
        for table in (ARTIFACTS, PARAMETERS):
            self._cursor.execute(f"DELETE FROM {table.name} WHERE run_key = ? AND step = ?", (key, step))

    def _forget_attempt(self, place: Place) -> None:
        self._cursor.execute("DELETE FROM attempts WHERE run_key = ? AND step = ? AND number = ?", place)
        self._forget_values(place)

    def _forget_values(self, place: Place) -> None:
        for table in (ARTIFACTS, PARAMETERS):
            query = f"DELETE FROM {table.name} WHERE run_key = ? AND step = ? AND attempt = ?"
            self._cursor.execute(query, place)


def settle_outbox(cursor: sqlite3.Cursor, runs: Iterable[Run]) -> None:
    """Put ended runs that are not published yet where publishing will find them."""
    rows = [(to_text(run.finished_at or run.created_at), run.id) for run in runs if run.phase.is_terminal]
    cursor.executemany(
        "INSERT INTO outbox (run_key, finished_at, run_id) SELECT key, ?1, id FROM runs"
        " WHERE id = ?2 AND key NOT IN (SELECT run_key FROM publications) ON CONFLICT DO NOTHING",
        rows,
    )
    tally.change(cursor, tally.WAITING, max(cursor.rowcount, 0))


def settle_started(cursor: sqlite3.Cursor, names: Iterable[str]) -> None:
    """Let the catalog know the digest of the newest run of each of `names`."""
    cursor.executemany(
        "UPDATE workflows SET started_digest ="
        " (SELECT digest FROM runs WHERE runs.name = workflows.name ORDER BY number DESC LIMIT 1)"
        " WHERE name = ?",
        [(name,) for name in names],
    )


def _values(run: Run) -> tuple[object, ...]:
    return (run.parameters, run.bundles, run.outputs)
