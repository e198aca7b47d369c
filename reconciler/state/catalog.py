"""What the repository holds at the last seen revision, kept so that a pass looks only at what changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from reconciler.model.catalog import CatalogEntry, CatalogUpdate
from reconciler.model.problem import Problem, Severity
from reconciler.state.recording import settle_started
from reconciler.state.rows import CHOSEN, chosen, plain, to_moment, to_text
from reconciler.state.table import Row, Table

REVISIONS = Table("revisions", ("number", "revision"), ("number",))
FILES = Table("catalog_files", ("path", "blob"), ("path",))
VERDICTS = Table("verdicts", ("schema_digest", "blob", "verdict"), ("schema_digest", "blob"))
PROBLEMS = Table(
    "problems",
    ("path", "position", "line", "column_number", "place", "code", "message", "severity"),
    ("path", "position"),
)
WORKFLOWS = Table(
    "workflows",
    (
        "name", "path", "digest", "globs", "on_change", "suspend", "schedules", "document", "parts", "files",
    ),
    ("name",),
)  # fmt: skip
MARKS = Table("schedule_marks", ("workflow", "cron", "at"), ("workflow", "cron"))
META = Table("meta", ("key", "value"), ("key",))
TABLES = (REVISIONS, FILES, VERDICTS, PROBLEMS, WORKFLOWS, MARKS, META)


def apply(cursor: sqlite3.Cursor, update: CatalogUpdate) -> None:
    """Make the remembered catalog that of `update.revision`."""
    _apply_files(cursor, update)
    _apply_problems(cursor, update)
    _forget(cursor, "workflows", "name", update.workflows_gone)
    _forget(cursor, "schedule_marks", "workflow", update.workflows_gone)
    WORKFLOWS.put(cursor, map(_entry_row, update.workflows_set.values()))
    settle_started(cursor, update.workflows_set)
    number = cursor.execute("SELECT coalesce(max(number), 0) + 1 FROM revisions").fetchone()[0]
    REVISIONS.add(cursor, [(number, update.revision)])


def revision(cursor: sqlite3.Cursor) -> str | None:
    rows = REVISIONS.select(cursor, "number = (SELECT max(number) FROM revisions)")
    return next((str(row[1]) for row in rows), None)


def files(cursor: sqlite3.Cursor, where: str = "true", values: Row = ()) -> dict[str, str]:
    return {str(path): str(blob) for path, blob in FILES.select(cursor, where, values)}


def verdicts(cursor: sqlite3.Cursor, blobs: Iterable[str], schema_digest: str) -> dict[str, str]:
    where = f"schema_digest = ? AND blob IN {CHOSEN}"
    rows = VERDICTS.select(cursor, where, (schema_digest, chosen(blobs)))
    return {str(blob): str(verdict) for _, blob, verdict in rows}


def startable(cursor: sqlite3.Cursor) -> list[str]:
    """Names whose digest is not the one that their newest run started with.

    The index `workflows_startable`, whose condition this repeats word for word, knows them all; the newest
    run has the last word on each. Of a run whose record was lost, the beginning of the digest is known.
    """
    cursor.execute(
        "SELECT name FROM workflows WHERE on_change = 1 AND suspend = 0 AND digest IS NOT started_digest"
        " AND coalesce((SELECT substr(workflows.digest, 1, length(r.digest)) <> r.digest FROM runs r"
        " WHERE r.name = workflows.name ORDER BY r.number DESC LIMIT 1), 1) ORDER BY name"
    )
    return [row[0] for row in cursor.fetchall()]


def entries(cursor: sqlite3.Cursor, where: str = "true", values: Row = ()) -> list[CatalogEntry]:
    return [_to_entry(row) for row in WORKFLOWS.select(cursor, f"{where} ORDER BY name", values)]


def entries_among(cursor: sqlite3.Cursor, column: str, values: Iterable[str]) -> list[CatalogEntry]:
    return entries(cursor, f"{column} IN {CHOSEN}", (chosen(values),))


def problems(cursor: sqlite3.Cursor) -> list[Problem]:
    return [_to_problem(row) for row in PROBLEMS.select(cursor, "true ORDER BY path, position")]


def schedule_marks(
    cursor: sqlite3.Cursor, where: str, values: Row
) -> Iterator[tuple[tuple[str, str], datetime]]:
    for name, cron, at in MARKS.select(cursor, where, values):
        yield (str(name), str(cron)), cast(datetime, to_moment(at))


def set_schedule_marks(cursor: sqlite3.Cursor, marks: Mapping[tuple[str, str], datetime]) -> None:
    MARKS.put(cursor, [(name, cron, to_text(at)) for (name, cron), at in marks.items()])


def _apply_files(cursor: sqlite3.Cursor, update: CatalogUpdate) -> None:
    """Files, and the verdicts on what they hold; a verdict goes with the last file that it is about."""
    touched = chosen([*update.files_set, *update.files_gone])
    cursor.execute(f"SELECT DISTINCT blob FROM catalog_files WHERE path IN {CHOSEN}", (touched,))
    displaced = chosen([row[0] for row in cursor.fetchall()])
    _forget(cursor, "catalog_files", "path", update.files_gone)
    FILES.put(cursor, update.files_set.items())
    VERDICTS.put(cursor, [(update.schema_digest, blob, text) for blob, text in update.verdicts.items()])
    for other in ("<", ">"):  # with `<>`, SQLite would read every verdict there is
        cursor.execute(f"DELETE FROM verdicts WHERE schema_digest {other} ?", (update.schema_digest,))
    cursor.execute(
        f"DELETE FROM verdicts WHERE schema_digest = ? AND blob IN {CHOSEN}"
        " AND NOT EXISTS (SELECT 1 FROM catalog_files WHERE catalog_files.blob = verdicts.blob)",
        (update.schema_digest, displaced),
    )


def _apply_problems(cursor: sqlite3.Cursor, update: CatalogUpdate) -> None:
    _forget(cursor, "problems", "path", update.files_gone | update.problems_set.keys())
    for path, found in update.problems_set.items():
        PROBLEMS.put(cursor, [_problem_row(path, at, problem) for at, problem in enumerate(found)])


def _forget(cursor: sqlite3.Cursor, table: str, column: str, values: Iterable[str]) -> None:
    cursor.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(value,) for value in values])


def _entry_row(entry: CatalogEntry) -> Row:
    return (
        entry.name, entry.path, entry.digest, json.dumps(entry.globs), int(entry.on_change),
        int(entry.suspend), entry.schedules, entry.document, entry.parts, entry.files,
    )  # fmt: skip


def _to_entry(row: Row) -> CatalogEntry:
    name, path, digest, globs, on_change, suspend, schedules, document, parts, listed = cast(Any, row)
    return CatalogEntry(
        name=name,
        path=path,
        digest=digest,
        document=document,
        parts=parts,
        files=listed,
        globs=tuple(json.loads(globs)),
        on_change=bool(on_change),
        suspend=bool(suspend),
        schedules=schedules,
    )


def _problem_row(path: str, position: int, problem: Problem) -> Row:
    return (
        path, position, problem.line, problem.column, plain(problem.where), problem.code,
        plain(problem.message), str(problem.severity),
    )  # fmt: skip


def _to_problem(row: Row) -> Problem:
    path, _, line, column, place, code, message, severity = cast(Any, row)
    return Problem(path, line, column, place, code, message, Severity(severity))
