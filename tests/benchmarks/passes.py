"""Passes over many workflows: with nothing to do, with one change, from nothing."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import world
from tests.benchmarks.table import Goal, Row, best_of
from tests.place import Place

COUNTS = (100, 1_000, 10_000)
ROUNDS = 7
TWICE = Goal(2)
FLOOR = Path(__file__).with_name("floor_one_change.py")
COLD_FLOOR = Path(__file__).with_name("floor_cold.py")
SCHEMA = Path(__file__).parents[2] / "schemas" / "workflow.schema.json"


def rows(top: Path, most: int = COUNTS[-1]) -> Iterator[Row]:
    """The rows, with at most `most` workflows."""
    for count in (each for each in COUNTS if each <= most):
        place = filled(top / f"idle-{count}", count)
        cold = best_of(1, lambda place=place: place.run("pass"))[0]
        yield from idle(place, count)
        if count == most:
            floor = cold_floor(place, top / "cold")
            yield Row(
                f"cold pass, {count:,} workflows", cold, "a script, side by side", floor, goal=Goal(4, "s")
            )
            yield one_change(place, top / "floor", count)
    yield imports()


def filled(root: Path, count: int) -> Place:
    """A place with that many workflows, none of which starts by itself."""
    root.mkdir()
    place = world.place(root, RECONCILER_LOGGING_LEVEL="warning")
    world.push(place.remote, {name: world.sizeable(name, change=False) for name in world.names(count)})
    return place


def idle(place: Place, count: int) -> Iterator[Row]:
    """A pass with nothing to do, beside an interpreter that does nothing and the same fetch."""
    assert "nothing to do" in place.run("pass")
    clone = str(place.state / "source.git")
    script = str(Path(sys.executable).with_name("reconciler"))
    fetch = ["git", f"--git-dir={clone}", "fetch", "--quiet", "--no-tags", "--no-auto-maintenance"]
    fetch += ["--no-write-fetch-head", "origin", "+refs/heads/main:refs/heads/main"]

    def run(*argv: str) -> None:
        subprocess.run(argv, env=place.env, check=True, capture_output=True)

    def floor() -> None:
        run(sys.executable, "-c", "pass")
        run(*fetch)

    times = best_of(
        15, lambda: run(sys.executable, "-m", "reconciler", "pass"), lambda: run(script, "pass"), floor
    )
    name = f"pass with nothing to do, {count:,} workflows"
    yield Row(name, times[0] * 1000, "python -c pass, git fetch", times[2] * 1000, "ms", TWICE)
    yield Row(f"{name}, console script", times[1] * 1000, "the same", times[2] * 1000, "ms", TWICE)


def cold_floor(place: Place, root: Path) -> float:
    """Seconds that a script takes to clone, parse, check and store the same definitions."""
    root.mkdir()
    argv = [sys.executable, str(COLD_FLOOR), str(place.remote), str(root), str(SCHEMA)]
    return best_of(1, lambda: subprocess.run(argv, env=place.env, check=True))[0]


def one_change(place: Place, root: Path, count: int) -> Row:
    """One changed workflow: its step runs and its run is committed, beside a script that can only do that.

    In the ledger, every workflow stands with an earlier run.
    """
    earlier = world.all_ran({name: world.sizeable(name) for name in world.names(count)})
    world.import_commits(place.remote, earlier, "runs")
    world.push(place.remote, {"target": changed(0)})
    place.run("pass")
    root.mkdir()
    remote, clone, database = root / "remote.git", root / "clone.git", root / "state.db"
    shutil.copytree(place.remote, remote)
    shutil.copytree(place.state / "source.git", clone)
    for directory in (clone, root / "ledger.git"):
        if not directory.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", str(directory)], check=True)
        subprocess.run(
            ["git", f"--git-dir={directory}", "config", "remote.origin.url", str(remote)], check=True
        )
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE files (path TEXT PRIMARY KEY, blob TEXT)")
        db.execute("CREATE TABLE runs (document TEXT)")
    db.close()
    argv = [sys.executable, str(FLOOR), str(clone), str(database), str(SCHEMA), str(root / "ledger.git")]

    def floor() -> None:
        done = subprocess.run(argv, env=place.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    number = 0

    def change() -> None:
        nonlocal number
        number += 1
        for each in (place.remote, remote):
            world.push(each, {"target": changed(number)})

    floor()  # learns of the 10,000 files
    times = best_of(ROUNDS, lambda: place.run("pass"), floor, before=change)
    assert len(place.history()) == count + 1 + ROUNDS, "each pass committed one run"
    name = f"pass with one change of {count:,}"
    return Row(name, times[0] * 1000, "a script", times[1] * 1000, "ms", TWICE)


def changed(number: int) -> str:
    return world.steps_of_true("target", {f"only-{number}": []})


def imports() -> Row:
    """What it takes to print the help of a command."""
    times = best_of(
        7,
        lambda: subprocess.run(
            [sys.executable, "-m", "reconciler", "pass", "--help"], check=True, capture_output=True
        ),
        lambda: subprocess.run([sys.executable, "-c", "import click"], check=True, capture_output=True),
    )
    return Row("reconciler pass --help", times[0] * 1000, "python, import click", times[1] * 1000, "ms")
