"""What `gc` takes away, and what it leaves."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path

import pytest

from tests.cli.command import call
from tests.place import Place

SLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: slow}
spec:
  steps:
    wait: {command: [sh, -c, 'echo $$ > PID; exec sleep 600']}
"""


@pytest.fixture
def running(place: Place) -> Path:
    """A run in flight; the file with the process id of its step."""
    pid = place.root / "pid"
    place.push(slow=SLOW.replace("PID", str(pid)))
    call(place, "pass", "--pass-budget", "0s")
    while not (pid.exists() and pid.read_text().strip()):
        time.sleep(0.02)
    return pid


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_it_leaves_alone_what_is_in_flight(place, running):
    assert call(place, "gc").out == "1 runs are in flight\n"
    assert Path(f"/proc/{running.read_text().strip()}").exists()
    call(place, "gc", "--everything")


def test_everything_is_everything(place, running):
    process = Path(f"/proc/{running.read_text().strip()}")
    assert call(place, "gc", "--everything").out == "1 runs removed\n"
    while process.exists():
        time.sleep(0.02)
    assert list((place.state / "attempts").glob("*/run.json")) == []
    assert call(place, "gc", "--everything").out == "0 runs removed\n"


def test_it_waits_for_a_pass_at_work_as_long_as_it_is_told_to(place, running):
    at_work = place.start("pass")
    while not is_locked(place.state / "lock"):
        time.sleep(0.02)
    assert "another pass is at work" in call(place, "gc", "--everything", code=75).err
    at_work.terminate()
    assert call(place, "gc", "--everything", "--wait", "60").out == "1 runs removed\n"
    at_work.communicate()
