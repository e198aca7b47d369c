"""A pass that never ends: it hears of pushes, idles cheaply, and ends in order by a signal."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.place import Place

FLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: flow}
spec:
  steps:
    only: {command: [sh, -c, 'echo VALUE']}
"""
QUICKLY = ("--pass-fetch-interval", "50ms", "--pass-publish-interval", "50ms")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def begin(place: Place, *arguments: str) -> subprocess.Popen[str]:
    return place.start("pass", "--pass-forever", "true", *QUICKLY, *arguments)


def until(process: subprocess.Popen[str], happened) -> None:
    while not happened():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def end(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out + err


def test_it_carries_out_one_push_after_the_other_until_it_is_told_to_end(place):
    place.push(flow=FLOW.replace("VALUE", "0"))
    process = begin(place)
    for value in range(1, 4):
        until(process, lambda value=value: len(place.history()) == value)
        place.push(flow=FLOW.replace("VALUE", str(value)))
    until(process, lambda: len(place.history()) == 4)
    printed = end(process)
    assert "4 started, 4 published, 0 still open" in printed
    assert [s.split(" in ")[0] for s in place.history()] == [f"flow #{n}: Succeeded" for n in range(1, 5)]


def test_it_gives_a_sign_of_life(place):
    place.push(flow=FLOW)
    process = begin(place)
    until(process, lambda: (place.state / "heartbeat").exists())
    end(process)


def test_a_second_pass_is_told_of_it_and_the_next_begins_where_it_ended(place):
    place.push(flow=FLOW)
    process = begin(place)
    until(process, lambda: len(place.history()) == 1)
    assert f"pid {process.pid}" in place.run("pass", code=75)
    end(process)
    place.run("pass")
    assert len(place.history()) == 1


def test_a_remote_that_goes_away_and_comes_back_is_only_a_warning(place):
    place.push(flow=FLOW.replace("VALUE", "0"))
    process = begin(place)
    until(process, lambda: len(place.history()) == 1)
    away = place.remote.rename(place.root / "away.git")
    time.sleep(0.5)  # several looks at a remote that is not there
    away.rename(place.remote)
    place.push(flow=FLOW.replace("VALUE", "1"))
    until(process, lambda: len(place.history()) == 2)
    end(process)


def test_it_idles_without_a_processor_and_in_the_same_memory(place):
    """Counted, not timed: pages in use after tens of looks at the branch and after hundreds of them."""
    place.push(flow=FLOW)
    process = begin(place)
    until(process, lambda: len(place.history()) == 1)
    looks = place.state / "source.git" / "FETCH_HEAD"

    def resident() -> int:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    seen: set[int] = set()

    def looked(times: int) -> bool:
        seen.add(looks.stat().st_mtime_ns if looks.exists() else time.monotonic_ns())
        return len(seen) >= times

    until(process, lambda: looked(20))
    before = resident()
    until(process, lambda: looked(120))
    assert resident() - before < 4 * 1024 * 1024
    end(process)
