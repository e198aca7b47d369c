"""The ledger: how fast runs get there, how much room they take, how fast they are found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from reconciler import composition, turn
from reconciler.ledger import commits, record
from reconciler.reconcile import publishing
from reconciler.settings import read_settings
from tests.benchmarks import world
from tests.benchmarks.table import Goal, Row, best_of
from tests.ledger import sample


def rows(top: Path, total: int = 100_000) -> Iterator[Row]:
    """Publishing, size and search; the search in a ledger of `total` runs."""
    yield publish(top / "publish")
    for steps in (1, 4):
        size = float(sample.measure(steps).split("|")[2].split()[0].replace(",", ""))
        yield Row(f"ledger, a run of {steps} steps, repacked", size, unit="bytes", goal=Goal(1200, "bytes"))
    yield search(top / "search", total)


def publish(root: Path) -> Row:
    """1,000 finished runs of 100 workflows, committed and pushed."""
    root.mkdir()
    place = world.place(root)
    names = world.names(100)
    found = world.resolved({name: world.sizeable(name) for name in names})
    runs = [world.finished_run(found[name], n, n) for n in range(1, 11) for name in names]

    def quietly(event: object) -> None: ...

    settings = read_settings(environ=place.env)
    os.environ.setdefault("HOME", str(root))
    with turn.taken(settings) as ours, composition.open_edges(settings, quietly, ours) as (edges, _):
        edges.state.record(runs)
        seconds = best_of(1, lambda: publishing.publish(edges))[0]
    assert len(place.history()) == 1000
    return Row("1,000 runs committed and pushed", seconds, goal=Goal(2, "s"))


def search(root: Path, total: int) -> Row:
    """The last 20 runs of one of 100 workflows, with the commit-graph that docs/ledger.md advises."""
    root.mkdir()
    place = world.place(root)
    names = world.names(100)
    found = world.resolved({name: world.sizeable(name) for name in names})
    tip = commits.Tip()
    for first in range(1, total // len(names) + 1, 10):
        runs = [
            world.finished_run(found[name], n, n * 60) for n in range(first, first + 10) for name in names
        ]
        records = [record.to_record(run, {}) for run in runs]
        world.import_commits(place.remote, commits.commits(records, tip), "runs")
        tip = tip.after(records)
        print(f"\r{first * len(names):>8,} runs", end="", file=sys.stderr)
    git = ["git", f"--git-dir={place.remote}"]
    subprocess.run([*git, "commit-graph", "write", "--reachable", "--changed-paths"], check=True)
    log = [*git, "log", "-20", "--format=%s", "runs", "--", names[7]]
    seconds = best_of(5, lambda: subprocess.run(log, check=True, capture_output=True))[0]
    name = f"git log -20 runs -- <workflow>, {total:,} runs"
    return Row(name, seconds * 1000, unit="ms", goal=Goal(50, "ms"))
