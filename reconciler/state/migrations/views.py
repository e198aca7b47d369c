"""The tables as people want to read them."""

from typing import Final

SQL: Final = """
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
