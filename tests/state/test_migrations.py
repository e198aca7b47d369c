"""Every database of an earlier release becomes today's; one of a later release is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from reconciler.errors import StateError
from reconciler.state.connection import APPLICATION_ID, SCHEMA_VERSION
from reconciler.state.migrations import migrations
from reconciler.state.store import State
from tests.state.samples import opened
from tests.strategies import bare

NAMES = [migration.name for migration in migrations.pending(Database(memory=True))]


def schema(place: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(place)
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    ).fetchall()
    connection.close()
    return rows


def made_by_release(place: Path, version: int) -> None:
    """A database that knows the first `version` migrations."""
    connection = sqlite3.connect(place)
    migrations.apply(Database(connection), stop_before=NAMES[version : version + 1])
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.commit()
    connection.close()


def test_the_version_counts_the_migrations() -> None:
    assert len(NAMES) == SCHEMA_VERSION


def test_migrations_are_only_ever_appended() -> None:
    assert NAMES[:4] == ["m001_runs", "m002_catalog", "m003_views", "m004_standings"]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_every_earlier_version_becomes_todays(tmp_path: Path, version: int) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    made_by_release(old, version)
    for place in (old, new):
        State.open(place, parse=bare).close()
    assert schema(old) == schema(new)
    with State.open(old, parse=bare) as state:
        state.record([opened()])
        assert state.open_runs() == [opened()]
        assert state.check() == []


def test_opening_twice_changes_nothing(place: Path) -> None:
    with State.open(place, parse=bare) as state:
        state.record([opened()])
    before = place.read_bytes()
    assert [path.name for path in place.parent.iterdir()] == ["state.db"]
    with State.open(place, parse=bare) as state:
        assert state.open_runs() == [opened()]
    assert place.read_bytes() == before


def test_tables_are_strict_and_foreign_keys_hold(state: State) -> None:
    tables = Database(state._connection._raw).tables
    assert [t.name for t in tables if not t.strict and t.name != "_sqlite_migrations"] == []
    with pytest.raises(StateError, match="FOREIGN KEY"), state._connection.write() as cursor:
        cursor.execute("INSERT INTO steps VALUES (99, 's', 0, 'Pending', '', '', NULL, NULL, 0, 0)")


def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(place: Path) -> None:
    State.open(place, parse=bare).close()
    connection = sqlite3.connect(place)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('reconciler', 'm999_later')"
    )
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.commit()
    connection.close()
    before = place.read_bytes()
    with pytest.raises(StateError, match="was made by a newer release") as caught:
        State.open(place, parse=bare)
    assert type(caught.value) is StateError
    assert "install that release" in caught.value.hint
    assert place.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_as_it_is(place: Path) -> None:
    connection = sqlite3.connect(place)
    connection.execute("CREATE TABLE moz_places (url TEXT)")
    connection.commit()
    connection.close()
    before = place.read_bytes()
    with pytest.raises(StateError, match="another program") as caught:
        State.open(place, parse=bare)
    assert type(caught.value) is StateError
    assert place.read_bytes() == before


def test_a_reader_does_not_migrate(place: Path) -> None:
    made_by_release(place, 1)
    with pytest.raises(StateError, match="older release"):
        State.open(place, parse=bare, read_only=True)


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of three fails; the first is not kept either."""
    monkeypatch.setattr("reconciler.state.migrations.catalog.SQL", "CREATE TABLE broken (;")
    with pytest.raises(StateError):
        State.open(place, parse=bare)
    monkeypatch.undo()
    assert schema(place) == []
    State.open(place, parse=bare).close()


def test_an_empty_file_is_a_new_database(place: Path) -> None:
    place.touch()
    with State.open(place, parse=bare) as state:
        assert state.open_runs() == []


def test_sqlite_utils_is_only_imported_to_migrate(place: Path) -> None:
    import subprocess
    import sys

    State.open(place, parse=bare).close()
    program = (
        "import sys; from pathlib import Path; from reconciler.state.store import State\n"
        "State.open(Path(sys.argv[1]), parse=print).open_runs()\n"
        "from reconciler.state.lock import PassLock\n"
        "heavy = {'sqlite_utils', 'click', 'kubernetes', 'minio', 'hashlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program, str(place)], check=True, cwd=Path(__file__).parents[2])
