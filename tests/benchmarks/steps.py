"""Steps that do nothing, many of them: what the engine costs."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tests.benchmarks import world
from tests.benchmarks.table import Goal, Row, best_of
from tests.place import Place

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "reconciler-benchmarks"
GAP = Goal(50, "ms")
BARE = "bwrap --ro-bind / / --unshare-pid --proc /proc --dev /dev true"
"""Nothing of its own, nothing hidden: what any step behind bubblewrap costs."""
LUIGI = """
import luigi, subprocess, sys
class Step(luigi.Task):
    number = luigi.IntParameter()
    chained = luigi.BoolParameter()
    done = False
    def requires(self):
        return [Step(self.number - 1, True)] if self.chained and self.number else []
    def run(self):
        subprocess.run(["true"], check=True)
        self.done = True
    def complete(self):
        return self.done
count, chained = int(sys.argv[1]), sys.argv[2] == "chain"
tasks = [Step(count - 1, True)] if chained else [Step(n, False) for n in range(count)]
luigi.build(tasks, local_scheduler=True, workers=1, log_level="ERROR")
"""


def rows(top: Path) -> Iterator[Row]:
    """Fan-out and chain in both kinds of isolation, many small workflows, and the gap between two steps."""
    luigi = luigi_python()
    for isolation in ("none", "bubblewrap"):
        if isolation == "bubblewrap" and not shutil.which("bwrap"):
            continue
        name = f"isolation {isolation}"
        ours = timed(top / f"fan-{isolation}", {"fan": world.fan(1000)}, isolation)
        yield Row(
            f"1,000 steps side by side, {name}", 1000 / ours, unit="steps/s", goal=Goal(200, "steps/s", True)
        )
        for peer, words in peers(isolation):
            its = make(top / f"m-{isolation}-{len(words)}", world.fan(1000), words)
            yield Row(f"1,000 steps side by side, {name}", ours, peer, its)
        if luigi:
            yield Row(f"1,000 steps side by side, {name}", ours, "Luigi", run_luigi(luigi, 1000, "fan"))
        chain = timed(top / f"chain-{isolation}", {"chain": world.chain(200)}, isolation)
        for peer, words in peers(isolation):
            its = make(top / f"c-{isolation}-{len(words)}", world.chain(200), words)
            yield Row(f"chain of 200, {name}", chain, peer, its)
        if luigi:
            yield Row(f"chain of 200, {name}", chain, "Luigi", run_luigi(luigi, 200, "chain"))
        p50, p99 = gaps(Place(top / f"chain-{isolation}"))
        yield Row(f"from a step's end to its successor's start, p50, {name}", p50, unit="ms", goal=GAP)
        yield Row(f"from a step's end to its successor's start, p99, {name}", p99, unit="ms", goal=GAP)
        many = timed(top / f"many-{isolation}", {f"w{n:03}": world.chain(5) for n in range(100)}, isolation)
        yield Row(f"100 workflows of 5 steps, {name}", many, goal=Goal(5, "s"))


def timed(root: Path, workflows: Mapping[str, Mapping[str, list[str]]], isolation: str) -> float:
    """Seconds of the pass that runs the workflows, from push to commit."""
    root.mkdir()
    place = world.place(root, RECONCILER_EXECUTOR_ISOLATION=isolation, RECONCILER_LOGGING_LEVEL="warning")
    world.push(place.remote, {name: world.steps_of_true(name, needs) for name, needs in workflows.items()})
    seconds = best_of(1, lambda: place.run("pass"))[0]
    assert len(place.history()) == len(workflows)
    assert all(": Succeeded" in subject for subject in place.history())
    return seconds


def gaps(place: Place) -> tuple[float, float]:
    """Milliseconds from the end of a step of a chain to the start of the next: median, 99th percentile."""
    steps = json.loads(place.ledger_file("chain/run.json"))["steps"]
    attempts = [steps[name]["attempts"][0] for name in sorted(steps)]
    moments = [
        (datetime.fromisoformat(a["startedAt"]), datetime.fromisoformat(a["finishedAt"])) for a in attempts
    ]
    found = [(start - end).total_seconds() * 1000 for (_, end), (start, _) in itertools.pairwise(moments)]
    return statistics.median(found), statistics.quantiles(found, n=100)[98]


def peers(isolation: str) -> Iterator[tuple[str, str]]:
    """What the steps are compared with, and its command: without a sandbox, and in the least one there is."""
    yield "make -j2", "/usr/bin/env true"
    if isolation == "bubblewrap":
        yield "make -j2, bare bwrap", BARE


def make(root: Path, needs: Mapping[str, list[str]], words: str) -> float:
    """Seconds that `make -j2` takes for the same commands in the same order."""
    root.mkdir()
    rules = "".join(f"{name}: {' '.join(before)}\n\t@{words}\n" for name, before in needs.items())
    (root / "Makefile").write_text(f"all: {' '.join(needs)}\n.PHONY: all {' '.join(needs)}\n{rules}")
    return best_of(3, lambda: subprocess.run(["make", "-j2", "-s", "-C", str(root)], check=True))[0]


def luigi_python() -> str | None:
    """An interpreter with Luigi, kept outside of the repository; None where it cannot be installed."""
    python = CACHE / "luigi" / "bin" / "python"
    if not python.exists():
        try:
            subprocess.run(
                [sys.executable, "-m", "venv", str(CACHE / "luigi")], check=True, capture_output=True
            )
            pip = [str(python), "-m", "pip", "install", "--quiet", "luigi"]
            subprocess.run(pip, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"no Luigi to compare with: {error}", file=sys.stderr)
            return None
    works = subprocess.run([str(python), "-c", "import luigi"], capture_output=True, check=False)
    return str(python) if works.returncode == 0 else None


def run_luigi(python: str, count: int, shape: str) -> float:
    argv = [python, "-W", "ignore", "-c", LUIGI, str(count), shape]
    return best_of(1, lambda: subprocess.run(argv, check=True, capture_output=True))[0]
