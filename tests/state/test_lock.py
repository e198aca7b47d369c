"""One pass at a time: the second is told who the first is, and the dead hold nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from reconciler.errors import EXIT_BUSY, LockHeld, StateError
from reconciler.state.lock import PassLock

ROOT = Path(__file__).parents[2]

HOLDER = """
import sys
from reconciler.state.lock import PassLock
with PassLock(sys.argv[1], command="reconciler pass --config c.yaml"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lock"


def holder(path: Path, program: str = HOLDER) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def ends(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def test_the_second_pass_is_told_who_the_first_is(path: Path) -> None:
    first = holder(path)
    with pytest.raises(LockHeld) as caught:
        PassLock(path).acquire()
    ends(first)
    who = f"pid {first.pid} on {os.uname().nodename} (reconciler pass --config c.yaml), since 2"
    assert caught.value.message.startswith(f"another pass is at work: {who}")
    assert str(path) in caught.value.message
    assert caught.value.exit_code == EXIT_BUSY
    assert caught.value.hint


def test_a_lock_that_was_released_can_be_taken(path: Path) -> None:
    first = holder(path)
    ends(first)
    with PassLock(path):
        pass
    with PassLock(path):
        pass


def test_a_lock_left_by_a_killed_process_does_not_block(path: Path) -> None:
    first = holder(path)
    first.kill()
    ends(first)
    with PassLock(path):
        assert path.read_text().startswith(f"pid {os.getpid()} on {os.uname().nodename} (reconciler pass)\n")


def test_a_child_that_a_killed_pass_had_just_begun_is_waited_for(path: Path) -> None:
    """Killed between fork and exec, a pass leaves its lock to the child until that is another program."""
    first = holder(path)
    descriptor = os.open(path, os.O_RDWR)
    first.kill()
    ends(first)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # as such a child holds it: signed by a process that is dead
    Timer(0.2, lambda: os.close(descriptor)).start()
    with PassLock(path):
        pass


def test_a_step_that_outlives_its_pass_does_not_keep_the_lock(path: Path) -> None:
    """The pass starts a process, and is killed; the process lives on, the lock does not."""
    program = HOLDER.replace(
        'print("held"',
        "import subprocess\n"
        '    print(subprocess.Popen(["sleep", "600"]).pid, file=sys.stderr, flush=True)\n'
        '    print("held"',
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    step = int(process.stderr.readline())
    try:
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        with PassLock(path):
            os.kill(step, 0)
    finally:
        os.kill(step, signal.SIGKILL)
        process.stdout.close()
        process.stderr.close()
        assert process.stdin is not None
        process.stdin.close()


def test_a_child_that_only_forks_does_not_keep_the_lock(path: Path) -> None:
    lock = PassLock(path)
    lock.acquire()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)  # until the parent is done
        os._exit(0)
    lock.release()
    with PassLock(path):
        os.kill(child, 0)
    os.close(writing)
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_that_releases_takes_nothing_from_its_parent(path: Path) -> None:
    with PassLock(path) as lock:
        child = os.fork()
        if not child:
            lock.release()
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(LockHeld):
            PassLock(path).acquire()


def test_a_lock_in_one_process_is_exclusive_too(path: Path) -> None:
    with PassLock(path), pytest.raises(LockHeld, match=f"pid {os.getpid()} "):
        PassLock(path).acquire()


def test_releasing_twice_is_no_error(path: Path) -> None:
    lock = PassLock(path)
    lock.release()
    lock.acquire()
    lock.release()
    lock.release()


def test_what_a_foreign_hand_wrote_into_the_file_cannot_reach_the_terminal(path: Path) -> None:
    with PassLock(path):
        path.write_bytes(b"\x1b[2J\nforged\xff" + b"x" * 10_000)
        with pytest.raises(LockHeld) as caught:
            PassLock(path).acquire()
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 1000


def test_a_place_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot open the lock file") as caught:
        PassLock(tmp_path / "file" / "lock").acquire()
    assert "writable" in caught.value.hint


def test_taking_the_lock_costs_hardly_an_import() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "import reconciler.state.lock\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = new & {'pathlib', 'json', 'dataclasses', 'sqlite3', 'datetime', 'subprocess', 'logging'}\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-S", "-c", program], check=True, cwd=ROOT)
