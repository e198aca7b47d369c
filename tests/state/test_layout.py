"""Passes of one layout work side by side, those of another wait, and each change is a generation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.core.shard import Layout
from reconciler.errors import EXIT_BUSY, LockHeld
from reconciler.state.layout import SharedLayout, note

ROOT = Path(__file__).parents[2]

MEMBER = """
import sys
from reconciler.state.layout import SharedLayout
with SharedLayout(sys.argv[1], int(sys.argv[2])) as shared:
    print(shared.join(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "layout")


def member(path: str, count: int) -> subprocess.Popen[str]:
    """Another process, of `count` shards; it leaves when its input ends."""
    command = [sys.executable, "-c", MEMBER, path, str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def joined(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def join(path: str, count: int) -> Layout:
    with SharedLayout(path, count) as shared:
        return shared.join()


def test_each_change_is_a_generation(path: str) -> None:
    assert [join(path, count) for count in (2, 2, 4, 2)] == [
        Layout(2, 1),
        Layout(2, 1),
        Layout(4, 2),
        Layout(2, 3),
    ]


def test_passes_of_one_layout_work_side_by_side_and_those_of_another_wait(path: str) -> None:
    first = member(path, 2)
    assert joined(first) == "2 1"
    second = member(path, 2)
    assert joined(second) == "2 1"
    with pytest.raises(LockHeld) as caught:
        join(path, 4)
    assert (
        caught.value.message == "passes of another layout are at work: theirs is of 2 shards, this one of 4"
    )
    assert (caught.value.exit_code, bool(caught.value.hint)) == (EXIT_BUSY, True)
    for process in (first, second):
        process.communicate(timeout=30)
    assert join(path, 4) == Layout(4, 2)


def test_the_dead_keep_nobody_waiting(path: str) -> None:
    first = member(path, 2)
    assert joined(first) == "2 1"
    first.kill()
    first.communicate()
    assert join(path, 4) == Layout(4, 2)


def test_eight_that_change_it_at_once_agree(path: str) -> None:
    join(path, 1)
    members = [member(path, 8) for _ in range(8)]
    assert [joined(each) for each in members] == ["8 2"] * 8
    for each in members:
        each.communicate(timeout=30)


def test_a_damaged_file_is_a_change(path: str) -> None:
    join(path, 2)
    Path(path).write_text("\x00\x00\x00")
    assert join(path, 2) == Layout(2, 1)


def test_a_layout_that_was_agreed_on_elsewhere_is_written_down(path: str) -> None:
    join(path, 2)
    note(path, Layout(4, 7))
    assert (join(path, 4), Path(path).read_text()) == (Layout(4, 7), "4 7\n")
