"""What a machine does to a pass: a second pass, a full disk, a clock that goes back, a remote away."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler import composition
from reconciler.model.run import StepRun
from reconciler.settings import read_settings
from tests.place import Place

SLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: slow}
spec:
  steps:
    wait: {command: [sh, -c, 'while [ ! -e GO ]; do sleep 0.05; done']}
    after: {needs: [wait], command: ['true']}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def slow(place: Place) -> Path:
    """Push a workflow that waits for the file that is returned."""
    go = place.root / "go"
    place.push(slow=SLOW.replace("GO", str(go)))
    return go


def until_running(place: Place, process: subprocess.Popen[str]) -> None:
    """Wait until the first step of the pass has claimed its attempt."""
    while not list(place.state.glob("attempts/**/claim")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_of_two_passes_one_works_and_the_other_names_it(place):
    go = slow(place)
    first = place.start("pass")
    until_running(place, first)
    printed = place.run("pass", code=75)
    assert f"pid {first.pid}" in printed
    go.touch()
    first.communicate()
    assert (first.returncode, len(place.history())) == (0, 1)


def test_a_lock_that_a_killed_pass_left_blocks_nobody(place):
    go = slow(place)
    first = place.start("pass")
    until_running(place, first)
    first.kill()
    first.communicate()
    go.touch()
    place.run("pass")
    assert [subject.split(" in ")[0] for subject in place.history()] == ["slow #1: Succeeded"]


def test_a_pass_that_is_asked_to_end_ends_in_order_and_the_next_adopts_its_steps(place):
    go = slow(place)
    first = place.start("pass")
    until_running(place, first)
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate()
    assert (first.returncode, "1 still open" in out + err) == (130, True)
    go.touch()
    place.run("pass")
    assert len(place.history()) == 1


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "reconciler-test", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here; that needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    for size in (65536, 4096, 1):
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, bytes(size))
    os.close(descriptor)
    return filler


def test_a_full_disk_is_told_and_nothing_is_lost_once_there_is_room(place, small_disk):
    place.environment["RECONCILER_STATE_DIRECTORY"] = str(small_disk / "state")
    go = slow(place)
    go.touch()
    filler = fill(small_disk)
    printed = place.run("pass", code=1)
    assert re.search("full|space", printed), printed
    assert "Traceback" not in printed
    filler.unlink()
    place.run("pass")
    assert [subject.split(" in ")[0] for subject in place.history()] == ["slow #1: Succeeded"]


def test_a_disk_that_fills_up_in_the_middle_is_survived(place, small_disk):
    place.environment["RECONCILER_STATE_DIRECTORY"] = str(small_disk / "state")
    place.state = small_disk / "state"
    go = slow(place)
    first = place.start("pass")
    until_running(place, first)
    filler = fill(small_disk)
    go.touch()
    time.sleep(1)  # the step ends into a full disk; what the pass makes of it is not waited for
    first.kill()
    first.communicate()
    filler.unlink()
    place.run("pass")
    assert [subject.split(":")[0] for subject in place.history()] == ["slow #1"]


def test_a_state_directory_that_cannot_be_written_is_told(place):
    slow(place)
    place.state.mkdir()
    (place.state / "state.db").mkdir()  # root may write anywhere, but nobody can open a directory as a file
    printed = place.run("pass", code=1)
    assert str(place.state) in printed
    assert "Traceback" not in printed


def test_a_clock_that_goes_back_starts_nothing_twice(place, monkeypatch):
    scheduled = SLOW.replace("spec:", "spec:\n  on: {change: false, schedule: [{cron: '* * * * *'}]}")
    go = place.root / "go"
    go.touch()
    place.push(slow=scheduled.replace("GO", str(go)))
    noon = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
    counts = []
    for minutes in (0, 1, -120, -60, 2):
        monkeypatch.setattr(composition, "clock", lambda shift=minutes: noon + timedelta(minutes=shift))
        summary = composition.run_pass(read_settings(environ=place.env), lambda event: None, lambda: False)
        counts.append(summary.started)
    assert counts == [0, 1, 0, 0, 1]


def test_a_pass_whose_output_nobody_reads_still_carries_its_runs_to_the_end(place):
    many = "\n".join(f"    s{n}: {{command: [sh, -c, 'exit 3']}}" for n in range(600))
    place.push(
        loud=f"apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {{name: loud}}\nspec:\n  steps:\n{many}\n"
    )
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "pass"],
        env=place.env,
        cwd=place.root,
        stdout=write,
        stderr=write,
        text=True,
    )
    os.close(write)
    os.close(read)  # the reader goes away: everything that is printed from now on fails
    process.wait()
    place.run("pass")
    assert [subject.split(" in ")[0] for subject in place.history()] == ["loud #1: Failed"]


def test_an_unreachable_remote_keeps_results_until_it_is_back(place):
    go = slow(place)
    first = place.start("pass", "--pass-fetch-interval", "1h")
    until_running(place, first)
    away = place.remote.rename(place.root / "away.git")
    go.touch()
    out, err = first.communicate()
    assert first.returncode == 1, out + err
    assert "Traceback" not in out + err
    place.run("pass", code=1)
    away.rename(place.remote)
    place.run("pass")
    assert [subject.split(" in ")[0] for subject in place.history()] == ["slow #1: Succeeded"]


def test_a_remote_that_refuses_the_ledger_does_not_stop_other_work(place):
    hook = place.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the branch runs is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    go = place.root / "go"
    go.touch()
    place.git("config", "receive.denyNonFastForwards", "false", cwd=place.remote)
    hook.rename(hook.with_name("off"))
    place.push(slow=SLOW.replace("GO", str(go)))
    hook.with_name("off").rename(hook)
    printed = place.run("pass", code=1)
    assert "slow #1: Succeeded" in printed
    assert "protected" in printed
    hook.unlink()
    place.run("pass")
    assert len(place.history()) == 1


def test_ten_thousand_open_runs_are_taken_up_and_carried_on_within_the_slots(place, capsys):
    place.push(many=SLOW.replace("name: slow", "name: many").replace("GO", "/"))
    settings = read_settings({"pass.budget": "0s", "executor.slots": "4"}, environ=place.env)
    composition.run_pass(settings, lambda event: None, lambda: False)
    with composition.open_state(settings) as state:
        (first,) = state.open_runs()
        fresh = {name: StepRun(name) for name in first.steps}
        runs = [replace(first, id=f"many-{n}-x", number=n, steps=fresh) for n in range(2, 10_002)]
        state.record(runs)
    began = time.perf_counter()
    summary = composition.run_pass(settings, lambda event: None, lambda: False)
    with capsys.disabled():
        print(f"\n10,000 open runs: one turn of a pass took {time.perf_counter() - began:.1f} s")
    assert summary.open_runs == 10_001
    with composition.open_state(settings) as state:
        live = [run for run in state.open_runs() if any(step.attempts for step in run.steps.values())]
    assert 1 <= len(live) <= 8, "four slots, filled at most twice"
