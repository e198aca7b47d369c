"""Full disks, read-only directories, killed writers, readers beside a writer, other programs' locks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import EXIT_BUSY, LockHeld, StateError
from reconciler.model.run import Run
from reconciler.state.store import State
from tests.state.samples import ended, opened, with_ended_step
from tests.strategies import bare

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill_disk(disk: Path) -> Path:
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def test_a_full_disk_is_said_and_what_was_recorded_stands(small_disk: Path) -> None:
    with State.open(small_disk / "state.db", parse=bare) as state:
        run = opened(steps=20)
        state.record([run])
        ballast = fill_disk(small_disk)

        ticks = [run]
        for step in run.steps:
            ticks.append(with_ended_step(ticks[-1], step))
        refused = [tick for tick in ticks if not recorded(state, tick)]
        assert refused, "the disk was large enough"
        assert state.open_runs() == [ticks[ticks.index(refused[0]) - 1]]

        ballast.unlink()
        state.record([ticks[-1]])
        assert state.open_runs() == [ticks[-1]]
        assert state.check() == []
    with State.open(small_disk / "state.db", parse=bare) as state:
        assert state.open_runs() == [ticks[-1]]


def recorded(state: State, run: Run) -> bool:
    try:
        state.record([run])
    except StateError as error:
        return "full" not in error.message or "free space" not in error.hint
    return True


def test_a_disk_that_is_full_from_the_start_is_said(small_disk: Path) -> None:
    ballast = fill_disk(small_disk)
    with pytest.raises(StateError, match="full"):
        State.open(small_disk / "state.db", parse=bare)
    ballast.unlink()
    with State.open(small_disk / "state.db", parse=bare) as state:
        assert state.open_runs() == []


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Path]:
    """A directory with a state database, which cannot be written; root needs a mount to be kept from it."""
    directory = tmp_path / "frozen"
    directory.mkdir()
    with State.open(directory / "state.db", parse=bare) as state:
        state.record([ended(opened())])
    if os.geteuid():
        directory.chmod(0o500)
        (directory / "state.db").chmod(0o400)
        yield directory
        directory.chmod(0o700)
        return
    for command in (["mount", "--bind", directory, directory], ["mount", "-o", "remount,ro,bind", directory]):
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a read-only directory is not permitted here")
    yield directory
    subprocess.run(["umount", directory], check=True)


def test_a_read_only_directory_is_said_with_what_to_do(frozen: Path) -> None:
    with pytest.raises(StateError) as caught:
        State.open(frozen / "state.db", parse=bare)
    assert type(caught.value) is StateError
    assert "must be writable" in caught.value.hint
    with pytest.raises(StateError, match="cannot make the state directory"):
        State.open(frozen / "below" / "state.db", parse=bare)


def test_a_read_only_directory_can_be_looked_at(frozen: Path) -> None:
    with State.open(frozen / "state.db", parse=bare, read_only=True) as state:
        assert state.run("train", 1) == ended(opened())


def test_looking_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no state database") as caught:
        State.open(tmp_path / "none" / "state.db", parse=bare, read_only=True)
    assert "`reconciler pass`" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write(place: Path) -> None:
    State.open(place, parse=bare).close()
    with (
        State.open(place, parse=bare, read_only=True) as reader,
        pytest.raises(StateError, match="cannot be written"),
    ):
        reader.record([opened()])


def test_a_reader_sees_whole_ticks_while_a_pass_writes(place: Path) -> None:
    """Each transaction moves two runs on by one step; no reader ever sees one of them ahead of the other."""
    runs = [opened("a", 1, steps=40), opened("b", 1, steps=40)]
    with State.open(place, parse=bare) as writer, State.open(place, parse=bare, read_only=True) as reader:
        writer.record(runs)
        seen = []
        for step in list(runs[0].steps):
            runs = [with_ended_step(run, step) for run in runs]
            writer.record(runs)
            seen.append(reader.open_runs() == runs)
        assert seen == [True] * 40


def test_a_reader_in_the_middle_of_reading_does_not_keep_a_pass_from_writing(place: Path) -> None:
    with State.open(place, parse=bare) as writer, State.open(place, parse=bare, read_only=True) as reader:
        writer.record([opened()])
        with reader._connection.read() as cursor:
            before = cursor.execute("SELECT count(*) FROM runs").fetchone()
            writer.record([opened(number=2)])
            assert cursor.execute("SELECT count(*) FROM runs").fetchone() == before
        assert len(reader.open_runs()) == 2


def test_another_program_in_a_write_transaction_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.state.connection._BUSY_SECONDS", 0.0)
    with State.open(place, parse=bare) as state:
        other = sqlite3.connect(place, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockHeld, match="being written by another process") as caught:
            state.record([opened()])
        assert caught.value.exit_code == EXIT_BUSY
        other.execute("ROLLBACK")
        other.close()
        state.record([opened()])
        assert state.open_runs() == [opened()]


WRITER = """
import os, signal, sys
from pathlib import Path
from reconciler.state.store import State
from tests.state.samples import opened, with_ended_step
from tests.strategies import bare

place, limit = Path(sys.argv[1]), int(sys.argv[2])
state = State.open(place, parse=bare)
run = opened(steps=50)
state.record([run])
seen = 0
def die(statement):
    global seen
    seen += 1
    if seen == limit:
        os.kill(os.getpid(), signal.SIGKILL)
state._connection._raw.set_trace_callback(die)
for step in run.steps:
    run = with_ended_step(run, step)
    state.record([run])
"""


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 13, 14, 15, 16, 21, 34, 89])
def test_a_writer_killed_at_any_statement_leaves_whole_ticks(place: Path, limit: int) -> None:
    killed = subprocess.run([sys.executable, "-c", WRITER, str(place), str(limit)], cwd=ROOT, timeout=60)
    assert killed.returncode == -9

    ticks = [opened(steps=50)]
    for step in ticks[0].steps:
        ticks.append(with_ended_step(ticks[-1], step))
    with State.open(place, parse=bare) as state:
        [run] = state.open_runs()
        assert run in ticks
        assert state.check() == []
        state.record([with_ended_step(run, "s49")])


MAKER = """
import os, signal, sqlite3, sys
from pathlib import Path
import reconciler.state.connection as connection
from reconciler.state.store import State

place, limit = Path(sys.argv[1]), int(sys.argv[2])
seen = 0
def die(statement):
    global seen
    seen += 1
    if seen == limit:
        os.kill(os.getpid(), signal.SIGKILL)
real = connection._prepare
def traced(raw, *arguments):
    raw.set_trace_callback(die)
    real(raw, *arguments)
connection._prepare = traced
State.open(place, parse=print)
"""


@pytest.mark.parametrize("limit", [1, 4, 6, 8, 9, 12, 20, 30, 45])
def test_a_pass_killed_while_it_makes_the_database_is_followed_by_one_that_makes_it(
    place: Path, limit: int
) -> None:
    killed = subprocess.run([sys.executable, "-c", MAKER, str(place), str(limit)], cwd=ROOT, timeout=60)
    assert killed.returncode == -9
    with State.open(place, parse=bare) as state:
        state.record([opened()])
        assert state.open_runs() == [opened()]
        assert state.check() == []


def test_two_processes_that_make_the_database_at_once_both_succeed(place: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from reconciler.state.store import State\n"
        "State.open(Path(sys.argv[1]), parse=print).set_meta(sys.argv[2], 'here')"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, str(place), name], cwd=ROOT) for name in "ab"]
    assert [process.wait(60) for process in both] == [0, 0]
    with State.open(place, parse=bare) as state:
        assert (state.meta("a"), state.meta("b")) == ("here", "here")
