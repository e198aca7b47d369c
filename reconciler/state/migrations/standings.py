"""What the ledger shows of each workflow."""

from typing import Final

SQL: Final = """
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
