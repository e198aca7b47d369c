"""Several passes share one repository: every workflow runs once, whatever the number of shards does."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.place import Place

NAMES = [f"flow-{number}" for number in range(12)]

QUICK = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: NAME}
spec:
  steps:
    only: {command: [sh, -c, 'echo NAME VALUE >> TRACE']}
"""

SLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: NAME}
spec:
  steps:
    wait: {command: [sh, -c, 'echo NAME >> TRACE; while [ ! -e GO ]; do sleep 0.05; done']}
    after: {needs: [wait], command: [sh, -c, 'echo NAME after >> TRACE']}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def trace(place: Place) -> Path:
    return place.root / "trace"


def push(place: Place, form: str, trace: Path, value: str = "") -> None:
    texts = {
        name: form.replace("NAME", name).replace("VALUE", value).replace("TRACE", str(trace))
        for name in NAMES
    }
    place.push(**{name: text.replace("GO", str(place.root / "go")) for name, text in texts.items()})


def passes(place: Place, count: int, *arguments: str, **environment: str) -> list[int]:
    """A pass of each of `count` shards, all at once; their exit codes."""
    with ThreadPoolExecutor(count) as pool:
        ended = pool.map(
            lambda shard: place.end(
                "pass", "--pass-shards", str(count), "--pass-shard", str(shard), *arguments, **environment
            ),
            range(count),
        )
        return [code for code, _, _ in ended]


def subjects(place: Place) -> Counter[str]:
    return Counter(subject.split(" in ")[0] for subject in place.history())


@pytest.mark.parametrize("count", [1, 2, 4])
def test_shards_run_each_workflow_once_and_push_to_one_ledger(place, trace, count):
    push(place, QUICK, trace, "1")
    assert passes(place, count) == [0] * count
    push(place, QUICK, trace, "2")
    assert passes(place, count) == [0] * count
    assert Counter(trace.read_text().splitlines()) == Counter(f"{n} {v}" for n in NAMES for v in (1, 2))
    assert subjects(place) == Counter(f"{name} #{run}: Succeeded" for name in NAMES for run in (1, 2))
    assert "12 workflows: 12 Succeeded." in place.ledger_file("README.md")


def test_runs_in_flight_are_carried_on_by_whoever_owns_them_after_the_number_changed(place, trace):
    """1, then 4, then 2 shards, and 4 again: what one began, others end, and nothing begins twice."""
    push(place, SLOW, trace)
    for count in (1, 4, 2):
        assert passes(place, count, "--pass-budget", "0s") == [0] * count
    until(lambda: len(trace.read_text().splitlines()) == len(NAMES))
    (place.root / "go").touch()
    assert passes(place, 4) == [0] * 4
    seen = Counter(trace.read_text().splitlines())
    assert seen == Counter([*NAMES, *(f"{name} after" for name in NAMES)])
    assert subjects(place) == Counter(f"{name} #1: Succeeded" for name in NAMES)


def test_a_shard_that_comes_back_after_another_layout_knows_what_happened_meanwhile(place, trace):
    """Its database is of before: it must neither run again what ran since, nor find itself at rest."""
    push(place, QUICK, trace, "1")
    assert passes(place, 2) == [0, 0]
    assert passes(place, 2) == [0, 0]
    push(place, QUICK, trace, "2")
    assert passes(place, 4) == [0] * 4
    push(place, QUICK, trace, "1")
    assert passes(place, 2) == [0, 0]
    assert passes(place, 2) == [0, 0]
    wanted = Counter({**{f"{name} 1": 2 for name in NAMES}, **{f"{name} 2": 1 for name in NAMES}})
    assert Counter(trace.read_text().splitlines()) == wanted
    assert subjects(place) == Counter(f"{name} #{run}: Succeeded" for name in NAMES for run in (1, 2, 3))


def test_a_pass_of_another_layout_waits_for_those_at_work(place, trace):
    push(place, SLOW, trace)
    first = place.start("pass", "--pass-shards", "2", "--pass-shard", "0")
    until(lambda: trace.exists() or first.poll() is not None)
    printed = place.run("pass", "--pass-shards", "4", "--pass-shard", "3", code=75)
    assert "theirs is of 2 shards, this one of 4" in printed
    (place.root / "go").touch()
    first.communicate()
    assert first.returncode == 0
    assert passes(place, 4) == [0] * 4
    assert subjects(place) == Counter(f"{name} #1: Succeeded" for name in NAMES)


def test_a_shard_that_does_not_exist_is_an_error_of_the_settings(place):
    printed = place.run("pass", "--pass-shards", "2", "--pass-shard", "2", code=2)
    assert "pass.shard is 2, and pass.shards says that there are 2, from 0 on." in printed


def until(happened) -> None:
    while not happened():
        time.sleep(0.02)
