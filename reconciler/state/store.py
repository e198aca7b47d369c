"""The memory between passes: runs with all that belongs to them, the catalog, and what is not yet published.

Each method is one transaction. Each may raise StateError, StateCorrupt when the file proves damaged, and
LockHeld when another program keeps it locked; a raise leaves what was recorded before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from reconciler.model.catalog import CatalogEntry, CatalogUpdate
from reconciler.model.problem import Problem
from reconciler.model.run import Phase, Run
from reconciler.state import catalog, inspection, tally
from reconciler.state.connection import Connection
from reconciler.state.recall import Parse, summaries, whole_runs
from reconciler.state.recording import Recording, settle_outbox, settle_started
from reconciler.state.rows import CHOSEN, PUBLICATIONS, chosen
from reconciler.state.standing import Standing

_OPEN = "SELECT key FROM runs WHERE phase IN ('Pending', 'Running', 'Suspended')"
_IMPORT_BATCH = 1000


class State:
    """The state database; used by one thread of one pass, and read by whoever looks."""

    def __init__(self, connection: Connection, parse: Parse) -> None:
        self._connection = connection
        self._parse = parse
        self._known: dict[str, Run] = {}
        self.shown = Standing(connection)
        """What the ledger shows of each workflow."""

    @classmethod
    def open(cls, path: Path, *, parse: Parse, read_only: bool = False) -> State:
        """Open the file at `path`, which is made and migrated as needed.

        Raises StateCorrupt for a damaged file, StateError for one that cannot be used.
        """
        return cls(Connection.open(path, read_only=read_only), parse)

    @classmethod
    def in_memory(cls, *, parse: Parse) -> State:
        """A state that ends with the process."""
        return cls(Connection.in_memory(), parse)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def database(self) -> Connection:
        """The file: how often it was written, whether it may be, and how to copy it."""
        return self._connection

    def check(self) -> list[str]:
        """Everything wrong with the file, in sentences; reads all of it."""
        with self._connection.read() as cursor:
            return inspection.findings(cursor)

    # Runs

    def open_count(self) -> int:
        """How many runs have not ended."""
        with self._connection.read() as cursor:
            return tally.counts(cursor).get(tally.OPEN, 0)

    def last_scheduled(self, name: str) -> datetime | None:
        """The latest due time that started a run of a workflow."""
        with self._connection.read() as cursor:
            cursor.execute(
                "SELECT max(trigger_detail) FROM runs WHERE name = ? AND trigger_kind = 'schedule'", (name,)
            )
            latest = cursor.fetchone()[0]
        try:
            return datetime.fromisoformat(latest) if latest else None
        except ValueError:  # a trigger that somebody else wrote into the ledger
            return None

    def record(self, runs: Iterable[Run]) -> None:
        """Make what is recorded of `runs` equal to them: all or nothing, writing only what changed."""
        changed = [run for run in runs if self._known.get(run.id) is not run]
        if not changed:
            return
        with self._connection.write() as cursor:
            recording = Recording(cursor)
            for run in changed:
                recording.put(run, self._known.get(run.id))
            recording.write()
            settle_outbox(cursor, changed)
            settle_started(cursor, {run.name for run in changed if run.id not in self._known})
        self._remember(changed)

    def open_runs(self) -> list[Run]:
        """Every run that has not ended, complete, oldest first."""
        with self._connection.read() as cursor:
            runs = whole_runs(cursor, self._parse, _OPEN)
            tally.expect(cursor, tally.OPEN, len(runs))
        self._remember(runs)
        return runs

    def run(self, name: str, number: int) -> Run | None:
        """`name #number`, complete."""
        return self._newest("WHERE name = ? AND number = ?", name, number)

    def run_by_id(self, run_id: str) -> Run | None:
        return self._newest("WHERE id = ?", run_id)

    def latest(self, name: str) -> Run | None:
        """The newest run of a workflow, complete."""
        return self._newest("WHERE name = ?", name)

    def history(
        self, name: str | None = None, phase: Phase | None = None, limit: int = 20, before: int | None = None
    ) -> list[Run]:
        """Summaries, newest first; of one workflow, in one phase, with a number below `before`."""
        wanted = {"name = ?": name, "phase = ?": phase and str(phase), "number < ?": before}
        terms = {term: value for term, value in wanted.items() if value is not None}
        order = "created_at DESC, key DESC" if name is None else "number DESC, key DESC"
        where = f"{' AND '.join(terms) or 'true'} ORDER BY {order} LIMIT ?"
        with self._connection.read() as cursor:
            return summaries(cursor, where, (*terms.values(), limit))

    def last_numbers(self) -> dict[str, int]:
        """The highest run number of each workflow that ever ran."""
        with self._connection.read() as cursor:
            return dict(cursor.execute("SELECT name, max(number) FROM runs GROUP BY name").fetchall())

    def last_number(self, name: str) -> int:
        """The highest run number of a workflow; 0 before its first run."""
        with self._connection.read() as cursor:
            cursor.execute("SELECT coalesce(max(number), 0) FROM runs WHERE name = ?", (name,))
            return int(cursor.fetchone()[0])

    # The outbox

    def unpublished(self, limit: int) -> list[Run]:
        """Ended runs that are not in the ledger yet, complete, in the order of their end."""
        first = "SELECT run_key FROM outbox ORDER BY finished_at, run_id LIMIT ?"
        order = "coalesce(finished_at, created_at), id"
        with self._connection.read() as cursor:
            runs = whole_runs(cursor, self._parse, first, (limit,), order)
            tally.expect(cursor, tally.WAITING, len(runs), limit)
        return runs

    def mark_published(self, commits: Mapping[str, str]) -> None:
        """Note the ledger commit of each run, by run id; runs that nobody knows here are passed over."""
        with self._connection.write() as cursor:
            keys = dict(
                cursor.execute(
                    f"SELECT id, key FROM runs WHERE id IN {CHOSEN}", (chosen(commits),)
                ).fetchall()
            )
            PUBLICATIONS.put(cursor, [(keys[i], commit) for i, commit in commits.items() if i in keys])
            cursor.executemany("DELETE FROM outbox WHERE run_key = ?", [(key,) for key in keys.values()])
            tally.change(cursor, tally.WAITING, -max(cursor.rowcount, 0))

    def published(self, run_ids: Collection[str]) -> set[str]:
        """Those of `run_ids` that are in the ledger."""
        with self._connection.read() as cursor:
            query = f"SELECT id FROM runs JOIN publications ON run_key = key WHERE id IN {CHOSEN}"
            cursor.execute(query, (chosen(run_ids),))
            return {row[0] for row in cursor.fetchall()}

    def import_finished(self, runs: Iterable[tuple[Run, str]]) -> None:
        """Take in runs with their ledger commits. What has ended here is left as it is; a run that is still
        open here ended elsewhere, and becomes what the ledger says."""
        with self._connection.write() as cursor:
            recording = Recording(cursor)
            commits: list[tuple[int, str]] = []
            names: set[str] = set()
            for run, commit in runs:
                self._known.pop(run.id, None)
                key = recording.add(run)
                if key is not None:
                    commits.append((key, commit))
                    names.add(run.name)
                if len(commits) >= _IMPORT_BATCH:
                    recording.write()
                    PUBLICATIONS.put(cursor, commits)
                    commits.clear()
            recording.write()
            PUBLICATIONS.put(cursor, commits)
            settle_started(cursor, names)

    # The catalog

    def apply_catalog(self, update: CatalogUpdate) -> None:
        """Make the remembered catalog that of `update.revision`."""
        with self._connection.write() as cursor:
            catalog.apply(cursor, update)

    def catalog_revision(self) -> str | None:
        """The revision that the catalog was last made equal to."""
        with self._connection.read() as cursor:
            return catalog.revision(cursor)

    def catalog_files(self) -> dict[str, str]:
        """Blob by path, of the files below the definitions path."""
        with self._connection.read() as cursor:
            return catalog.files(cursor)

    def catalog_file(self, path: str) -> str | None:
        """The blob of one of them."""
        with self._connection.read() as cursor:
            return catalog.files(cursor, "path = ?", (path,)).get(path)

    def catalog_size(self) -> int:
        """How many they are."""
        with self._connection.read() as cursor:
            return int(cursor.execute("SELECT count(*) FROM catalog_files").fetchone()[0])

    def verdicts(self, blobs: Collection[str], schema_digest: str) -> dict[str, str]:
        """What is known of `blobs` under these schemas."""
        with self._connection.read() as cursor:
            return catalog.verdicts(cursor, blobs, schema_digest)

    def startable(self) -> list[str]:
        """Workflows that start on change, are not suspended, and were last started with another digest."""
        with self._connection.read() as cursor:
            return catalog.startable(cursor)

    def scheduled(self) -> list[CatalogEntry]:
        """The workflows with a schedule."""
        with self._connection.read() as cursor:
            return catalog.entries(cursor, "schedules <> '[]'")

    def entry(self, name: str) -> CatalogEntry | None:
        with self._connection.read() as cursor:
            return next(iter(catalog.entries(cursor, "name = ?", (name,))), None)

    def entries(self) -> list[CatalogEntry]:
        with self._connection.read() as cursor:
            return catalog.entries(cursor)

    def entries_at(self, paths: Collection[str]) -> list[CatalogEntry]:
        """The workflows defined in the files at `paths`."""
        with self._connection.read() as cursor:
            return catalog.entries_among(cursor, "path", paths)

    def entries_named(self, names: Collection[str]) -> list[CatalogEntry]:
        with self._connection.read() as cursor:
            return catalog.entries_among(cursor, "name", names)

    def problems(self) -> list[Problem]:
        with self._connection.read() as cursor:
            return catalog.problems(cursor)

    def entries_with_globs(self) -> list[CatalogEntry]:
        """The workflows whose digest depends on more files than their definition."""
        with self._connection.read() as cursor:
            return catalog.entries(cursor, "globs <> '[]'")

    def schedule_mark(self, name: str, cron: str) -> datetime | None:
        """The last due time of a cron line that was dealt with."""
        with self._connection.read() as cursor:
            marks = dict(catalog.schedule_marks(cursor, "workflow = ? AND cron = ?", (name, cron)))
            return marks.get((name, cron))

    def set_schedule_marks(self, marks: Mapping[tuple[str, str], datetime]) -> None:
        """Note, by workflow and cron line, up to which due time was dealt with."""
        with self._connection.write() as cursor:
            catalog.set_schedule_marks(cursor, marks)

    def meta(self, key: str) -> str | None:
        with self._connection.read() as cursor:
            rows = catalog.META.select(cursor, "key = ?", (key,))
            return next((str(value) for _, value in rows), None)

    def set_meta(self, key: str, value: str) -> None:
        with self._connection.write() as cursor:
            catalog.META.put(cursor, [(key, value)])

    def _newest(self, where: str, *values: str | int) -> Run | None:
        with self._connection.read() as cursor:
            cursor.execute(f"SELECT key FROM runs {where} ORDER BY number DESC, key DESC LIMIT 1", values)
            key = cursor.fetchone()
            return (
                None if key is None else next(iter(whole_runs(cursor, self._parse, "VALUES (?)", key)), None)
            )

    def _remember(self, runs: Iterable[Run]) -> None:
        """Keep what is recorded, to compare with; an ended run is hardly ever recorded again."""
        for run in runs:
            if run.phase.is_terminal:
                self._known.pop(run.id, None)
            else:
                self._known[run.id] = run
