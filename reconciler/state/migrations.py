"""The schema's history: append only. What was released is never edited, only followed by another function.

Tables are STRICT; `seal` is explained in `table`. Runs have a number of their own (`key`) because their
children repeat it; everything else has its natural key. Tables that are searched by text, row by row,
keep a rowid, so that SQLite's own check can compare them with their index. Times are RFC 3339 in UTC with
microseconds, which sorts as text; phases and kinds are the words that people know. The views are the part
for people: their columns stay. `connection.SCHEMA_VERSION` counts the functions. The file only grows, so it
is a long one.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

migrations = Migrations("reconciler")

_RUNS = """
CREATE TABLE definitions (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    document TEXT,
    parts TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    revision TEXT NOT NULL,
    digest TEXT NOT NULL,
    trigger_kind TEXT NOT NULL,
    trigger_detail TEXT NOT NULL,
    path TEXT NOT NULL,
    definition_id INTEGER REFERENCES definitions (id),
    phase TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    cancelling TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    step_count INTEGER NOT NULL,
    value_count INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_name ON runs (name, number, phase, digest);
CREATE INDEX runs_by_time ON runs (created_at);
CREATE INDEX runs_by_phase ON runs (phase, created_at);

CREATE TABLE steps (
    run_key INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    phase TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    not_before TEXT,
    finished_at TEXT,
    attempt_count INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (run_key, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    run_key INTEGER NOT NULL,
    step TEXT NOT NULL,
    number INTEGER NOT NULL,
    phase TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    failure TEXT,
    cancelling TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    exit_code INTEGER,
    log_tail TEXT NOT NULL,
    value_count INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (run_key, step, number),
    FOREIGN KEY (run_key, step) REFERENCES steps (run_key, name) ON DELETE CASCADE
) STRICT;

-- Of a run as a whole (step empty), of a step (attempt 0: what it takes along), or of an attempt.
CREATE TABLE artifacts (
    run_key INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    stored_name TEXT NOT NULL,
    store_key TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    form TEXT NOT NULL,
    content_type TEXT NOT NULL,
    executable INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (run_key, step, attempt, role, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameters (
    run_key INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (run_key, step, attempt, role, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    run_key INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE,
    finished_at TEXT NOT NULL,
    run_id TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_order ON outbox (finished_at, run_id);

CREATE TABLE publications (
    run_key INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE,
    ledger_commit TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

CREATE TABLE tallies (
    name TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
"""

_CATALOG = """
CREATE TABLE revisions (
    number INTEGER PRIMARY KEY,
    revision TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

CREATE TABLE catalog_files (
    path TEXT PRIMARY KEY,
    blob TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX catalog_files_by_blob ON catalog_files (blob);

CREATE TABLE verdicts (
    schema_digest TEXT NOT NULL,
    blob TEXT NOT NULL,
    verdict TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (schema_digest, blob)
) STRICT;

CREATE TABLE problems (
    path TEXT NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    column_number INTEGER NOT NULL,
    place TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (path, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE workflows (
    name TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    globs TEXT NOT NULL,
    on_change INTEGER NOT NULL,
    suspend INTEGER NOT NULL,
    schedules TEXT NOT NULL,
    document TEXT NOT NULL,
    parts TEXT NOT NULL,
    files TEXT NOT NULL,
    seal INTEGER NOT NULL,
    started_digest TEXT
) STRICT;
CREATE INDEX workflows_by_path ON workflows (path);
-- Each holds only the rows that its question is about: a pass asks them even when there is nothing to do.
CREATE INDEX workflows_startable ON workflows (name)
    WHERE on_change = 1 AND suspend = 0 AND digest IS NOT started_digest;
CREATE INDEX workflows_scheduled ON workflows (name) WHERE schedules <> '[]';
CREATE INDEX workflows_globs ON workflows (name) WHERE globs <> '[]';

CREATE TABLE schedule_marks (
    workflow TEXT NOT NULL,
    cron TEXT NOT NULL,
    at TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (workflow, cron)
) STRICT;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
"""

_VIEWS = """
CREATE VIEW run_history AS
SELECT runs.id AS run_id, runs.name AS workflow, runs.number, runs.phase, runs.reason, runs.message,
    trim(runs.trigger_kind || ' ' || runs.trigger_detail) AS "trigger",
    runs.created_at, runs.started_at, runs.finished_at,
    round((julianday(runs.finished_at) - julianday(runs.started_at)) * 86400, 3) AS seconds,
    runs.revision, runs.digest, publications.ledger_commit
FROM runs LEFT JOIN publications ON publications.run_key = runs.key
ORDER BY runs.created_at DESC, runs.key DESC;

CREATE VIEW step_history AS
SELECT runs.name AS workflow, runs.number, steps.name AS step, steps.phase, steps.reason, steps.message,
    steps.attempt_count AS attempts, attempts.exit_code, attempts.started_at, attempts.finished_at,
    round((julianday(attempts.finished_at) - julianday(attempts.started_at)) * 86400, 3) AS seconds,
    attempts.log_tail, runs.id AS run_id
FROM runs
JOIN steps ON steps.run_key = runs.key
LEFT JOIN attempts ON attempts.run_key = steps.run_key AND attempts.step = steps.name
    AND attempts.number = (SELECT max(a.number) FROM attempts a
                           WHERE a.run_key = steps.run_key AND a.step = steps.name)
ORDER BY runs.created_at DESC, runs.key DESC, steps.position;

CREATE VIEW attempt_history AS
SELECT runs.name AS workflow, runs.number, attempts.step, attempts.number AS attempt, attempts.phase,
    attempts.reason, attempts.message, attempts.failure, attempts.exit_code,
    attempts.created_at, attempts.started_at, attempts.finished_at,
    round((julianday(attempts.finished_at) - julianday(attempts.started_at)) * 86400, 3) AS seconds,
    runs.id AS run_id
FROM attempts JOIN runs ON runs.key = attempts.run_key
ORDER BY runs.created_at DESC, runs.key DESC, attempts.step, attempts.number;

CREATE VIEW artifact_list AS
SELECT runs.name AS workflow, runs.number, artifacts.step, artifacts.attempt, artifacts.role, artifacts.name,
    artifacts.size, artifacts.sha256, artifacts.form, artifacts.content_type,
    artifacts.store_key AS "key", runs.id AS run_id
FROM artifacts JOIN runs ON runs.key = artifacts.run_key
ORDER BY runs.created_at DESC, runs.key DESC, artifacts.step, artifacts.attempt, artifacts.role,
    artifacts.position;

CREATE VIEW parameter_list AS
SELECT runs.name AS workflow, runs.number, parameters.step, parameters.attempt, parameters.role,
    parameters.name, parameters.value, runs.id AS run_id
FROM parameters JOIN runs ON runs.key = parameters.run_key
ORDER BY runs.created_at DESC, runs.key DESC, parameters.step, parameters.attempt, parameters.role,
    parameters.position;

CREATE VIEW workflow_list AS
SELECT workflows.name AS workflow, workflows.path, workflows.digest, workflows.on_change, workflows.suspend,
    workflows.schedules, runs.number AS last_number, runs.phase AS last_phase,
    runs.created_at AS last_created_at
FROM workflows
LEFT JOIN runs ON runs.key = (SELECT r.key FROM runs r WHERE r.name = workflows.name
                              ORDER BY r.number DESC LIMIT 1)
ORDER BY workflows.name;

CREATE VIEW problem_list AS
SELECT path, line, column_number AS "column", place, severity, code, message
FROM problems ORDER BY path, position;
"""

_STANDINGS = """
CREATE TABLE standings (
    workflow TEXT NOT NULL,
    place TEXT NOT NULL,
    hidden INTEGER NOT NULL,
    phase TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    entry TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (workflow, place)
) STRICT;
CREATE INDEX standings_failing ON standings (finished_at DESC, workflow)
    WHERE hidden = 0 AND phase IN ('Failed', 'Cancelled');
CREATE INDEX standings_others ON standings (finished_at DESC, workflow)
    WHERE hidden = 0 AND phase NOT IN ('Failed', 'Cancelled');

CREATE TABLE standing_counts (
    directory TEXT NOT NULL,
    phase TEXT NOT NULL,
    count INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (directory, phase)
) STRICT;

DELETE FROM meta WHERE key = 'ledger.overview';
"""


@migrations()
def m001_runs(db: Database) -> None:
    """What was run, and what of it is not yet published."""
    _execute(db, _RUNS)


@migrations()
def m002_catalog(db: Database) -> None:
    """What the repository holds at the last seen revision."""
    _execute(db, _CATALOG)


@migrations()
def m003_views(db: Database) -> None:
    """The tables as people want to read them."""
    _execute(db, _VIEWS)


@migrations()
def m004_standings(db: Database) -> None:
    """What the ledger shows of each workflow; until now all of that was one text in `meta`."""
    _execute(db, _STANDINGS)


def _execute(db: Database, script: str) -> None:
    """Every statement of a script, each of which ends a line.

    `executescript` of sqlite3 would commit in between, and that of sqlite-utils asks after every character
    whether the statement is whole: that was most of what a new state took.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement.strip())
            statement = ""
