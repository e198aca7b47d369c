"""What the repository holds at the last seen revision, and what was found wrong in it."""

from typing import Final

SQL: Final = """
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
