"""What was run, with all that belongs to it, and what of it is not yet published."""

from typing import Final

SQL: Final = """
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
