"""What outlives a pass and what must not: adoption, claims, process trees, lost processes."""

from __future__ import annotations

import errno
import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import LaunchRejected
from reconciler.executors.local import process
from reconciler.executors.local.launcher import allow_open_files
from reconciler.executors.local.place import Place
from reconciler.executors.local.way import cookie
from reconciler.model import codec
from reconciler.model.run import Status, StepCall
from reconciler.model.workflow import ArtifactOutput, ParameterOutput
from tests.executors.conftest import LocalHouse
from tests.executors.contract import CANCELLED, FAILURE, INFRASTRUCTURE, call, failure, run, said, seen

LAUNCH = """
import json, sys
from pathlib import Path
from reconciler.artifacts.directory import DirectoryStore
from reconciler.executors.local.executor import LocalExecutor
from reconciler.executors.local.options import Options
from reconciler.model import codec
from reconciler.model.run import StepCall
root, store, isolation, calls = sys.argv[1:]
executor = LocalExecutor(Path(root), DirectoryStore(Path(store)), None, Options(isolation=isolation))
print("ready", flush=True)
sys.stdin.readline()
for each in json.loads(calls):
    executor.launch(codec.decode(StepCall, each))
print("launched", flush=True)
sys.stdin.readline()
"""

WAIT_FOR_STOP = ("echo up", "while ! test -e stop; do sleep 0.02; done")


def other_pass(house: LocalHouse, *calls: StepCall) -> subprocess.Popen[str]:
    """Another process that launches the calls when it is given a line."""
    texts = json.dumps([codec.encode(each) for each in calls])
    store = str(house.store.root)  # type: ignore[attr-defined]
    words = [sys.executable, "-c", LAUNCH, str(house.root), store, house.options.isolation, texts]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def place_of(house: LocalHouse, asked: StepCall) -> Place:
    return Place(house.root, asked.key)


def carriers(house: LocalHouse, asked: StepCall) -> list[int]:
    """The processes of the step itself."""
    return process.members([cookie(place_of(house, asked))])


def let_go(house: LocalHouse, asked: StepCall) -> None:
    (place_of(house, asked).work / "stop").touch()


# launching


def test_twenty_launches_at_once_from_ten_processes_run_it_once(house: LocalHouse, tmp_path: Path) -> None:
    calls = [call(name, "echo ran", "sleep 0.1") for name in ("a", "b")]
    children = [other_pass(house, *calls) for _ in range(10)]
    for child in children:
        go(child)
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "launched\n"
        end(child)
    executor = house.open()
    assert [seen(executor, each.key).log_tail for each in calls] == ["ran\n", "ran\n"]


def test_what_a_killed_pass_started_goes_on_and_is_adopted(house: LocalHouse) -> None:
    asked = call("a", *WAIT_FOR_STOP, "echo done >out", artifact_outputs=(ArtifactOutput("out", "out"),))
    first = other_pass(house, asked)
    go(first)
    executor = house.open()
    said(executor, asked.key, b"up")
    first.kill()
    first.communicate()
    assert executor.observe({asked.key})[asked.key].status is Status.RUNNING
    let_go(house, asked)
    observation = seen(executor, asked.key)
    assert failure(observation) == (None, "")
    assert list(observation.outputs.artifacts) == ["out"]


def test_an_attempt_that_ended_while_nobody_looked_is_harvested_by_the_next(house: LocalHouse) -> None:
    asked = call("a", *WAIT_FOR_STOP, "echo 1 >out", artifact_outputs=(ArtifactOutput("out", "out"),))
    first = other_pass(house, asked)
    go(first)
    executor = house.open()
    said(executor, asked.key, b"up")
    end(first)
    claim = place_of(house, asked).claim()
    assert claim is not None
    handle = process.open_pidfd(claim.keeper)  # it has nothing else to keep, and goes
    assert handle is not None
    let_go(house, asked)
    wait_for(handle)
    assert list(seen(house.open(), asked.key).outputs.artifacts) == ["out"]


def wait_for(handle: int) -> None:
    """Until that process has ended."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(60_000)
    os.close(handle)


def test_an_attempt_that_was_prepared_but_not_started_is_missing_and_can_be_launched(
    house: LocalHouse,
) -> None:
    asked = call("a", "echo ran")
    there = place_of(house, asked)
    there.prepare()
    (there.work / "left").touch()
    (there.path / "claim").write_text("claim 12 34")  # not whole: the command was not started
    executor = house.open()
    assert executor.observe({asked.key})[asked.key].status is Status.MISSING
    observation = run(executor, asked)
    assert (observation.exit_code, observation.log_tail) == (0, "ran\n")
    assert not (there.work / "left").exists()


def test_an_attempt_that_another_process_prepares_is_starting(house: LocalHouse) -> None:
    asked = call("a", "echo ran")
    there = place_of(house, asked)
    there.prepare()
    lock = there.lock()
    assert lock is not None
    executor = house.open()
    executor.launch(asked)
    assert executor.observe({asked.key})[asked.key].status is Status.STARTING
    executor.wait(0.01)
    os.close(lock)
    assert executor.observe({asked.key})[asked.key].status is Status.MISSING


def test_names_that_are_no_directories_are_refused(house: LocalHouse) -> None:
    for name in ("..", "a/b", "", "nul\0"):
        with pytest.raises(LaunchRejected):
            house.open().launch(call(name, "true"))


# trees


def test_cancelling_reaches_grandchildren_that_left_the_session(house: LocalHouse) -> None:
    daemon = "setsid sh -c 'trap \"\" TERM HUP; echo daemon; while :; do sleep 0.05; done' &"
    nested = "( ( setsid sleep 600 & ) & )"
    asked = call("a", "trap '' TERM", daemon, nested, "echo up; while :; do sleep 0.05; done")
    executor = house.open()
    executor.launch(asked)
    said(executor, asked.key, b"up")
    said(executor, asked.key, b"daemon")
    assert len(carriers(house, asked)) >= 3
    executor.cancel(asked.key)
    assert failure(seen(executor, asked.key)) == (CANCELLED, "Cancelled")
    assert carriers(house, asked) == []


def test_what_a_step_leaves_behind_ends_with_it(house: LocalHouse) -> None:
    asked = call("a", "setsid sh -c 'while :; do sleep 0.05; done' </dev/null >/dev/null 2>&1 &", "echo ok")
    observation = run(house.open(), asked)
    assert failure(observation) == (None, "")
    assert carriers(house, asked) == []


def test_what_a_long_step_leaves_behind_ends_with_it(
    house: LocalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.executors.local.attempts.SHORT", 0.0)
    asked = call("a", "setsid sleep 600 &", "echo ok")
    assert failure(run(house.open(), asked)) == (None, "")
    assert carriers(house, asked) == []


def test_a_keeper_that_is_killed_is_lost_with_everything_it_started(house: LocalHouse) -> None:
    asked = call("a", "echo up", "setsid sleep 600 &", "sleep 600")
    executor = house.open()
    executor.launch(asked)
    said(executor, asked.key, b"up")
    claim = place_of(house, asked).claim()
    assert claim is not None
    os.kill(claim.keeper, signal.SIGKILL)
    observation = seen(executor, asked.key)
    assert failure(observation) == (INFRASTRUCTURE, "Lost")
    assert observation.exit_code is None
    assert observation.log_tail.startswith("up\n")  # a shell may still have said that its child was killed
    assert carriers(house, asked) == []
    assert failure(house.open().observe({asked.key})[asked.key]) == (INFRASTRUCTURE, "Lost")


def forge(house: LocalHouse, asked: StepCall, claim: process.Claim) -> None:
    """An attempt as it looks after its machine forgot about it."""
    there = place_of(house, asked)
    there.prepare()
    there.write("call.json", json.dumps({"boot": claim.boot, "way": "plain", "call": codec.encode(asked)}))
    there.write("claim", f"claim {claim.keeper} {claim.started} {claim.boot} {claim.began}\n")


def test_a_pid_that_now_names_another_process_is_lost_and_that_process_unharmed(house: LocalHouse) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        asked = call("a", "true")
        forge(house, asked, process.Claim(stranger.pid, 1, process.boot_id(), 0.0))
        executor = house.open()
        executor.cancel(asked.key)
        assert failure(seen(executor, asked.key)) == (CANCELLED, "Cancelled")
        asked = call("b", "true")
        forge(house, asked, process.Claim(stranger.pid, 1, process.boot_id(), 0.0))
        assert failure(seen(executor, asked.key)) == (INFRASTRUCTURE, "Lost")
        executor.release("demo-1-cafe")
        assert stranger.poll() is None
        stranger.kill()


def test_after_a_restart_of_the_machine_what_ran_is_lost(house: LocalHouse) -> None:
    asked = call("a", "true")
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        stat = Path(f"/proc/{stranger.pid}/stat").read_text()
        started = int(stat[stat.rindex(")") + 2 :].split()[19])
        forge(house, asked, process.Claim(stranger.pid, started, "another-boot", 0.0))
        assert failure(seen(house.open(), asked.key)) == (INFRASTRUCTURE, "Lost")
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("claim", [None, "", "\0\0\0"])
def test_an_attempt_whose_claim_went_with_the_power_is_lost_and_not_run_again(
    house: LocalHouse, claim: str | None
) -> None:
    asked = call("a", "echo again")
    forge(house, asked, process.Claim(1, 1, "another-boot", 0.0))
    there = place_of(house, asked)
    (there.path / "claim").unlink()
    if claim is not None:
        there.write("claim", claim)
    executor = house.open()
    executor.launch(asked)
    assert failure(executor.observe({asked.key})[asked.key]) == (INFRASTRUCTURE, "Lost")
    assert executor.read_log(asked.key) == b""


@pytest.mark.parametrize("text", ["", "{", "null", '{"way": "plain", "call": {}}'])
def test_an_attempt_whose_call_cannot_be_read_is_lost_alone(house: LocalHouse, text: str) -> None:
    asked = call("a", "true")
    forge(house, asked, process.Claim(2**22, 1, process.boot_id(), 0.0))
    place_of(house, asked).write("call.json", text)
    executor = house.open()
    other = call("b", "exit 0")
    executor.launch(other)
    assert failure(executor.observe({asked.key})[asked.key]) == (INFRASTRUCTURE, "Lost")
    assert failure(seen(executor, other.key)) == (None, "")
    executor.release(asked.key.run_id)


@pytest.mark.parametrize("text", ["{", '{"status": "ended"}', "[]"])
def test_a_result_that_cannot_be_read_is_made_again(house: LocalHouse, text: str) -> None:
    asked = call("a", "echo 1 >n", parameter_outputs=(ParameterOutput("n", "n"),))
    first = run(house.open(), asked)
    place_of(house, asked).write("result.json", text)
    assert seen(house.open(), asked.key) == first


def test_a_cancel_before_the_start_keeps_the_command_from_running(house: LocalHouse) -> None:
    asked = call("a", "echo ran")
    there = place_of(house, asked)
    there.prepare()
    there.mark_cancelled(1.0)
    executor = house.open()
    executor.launch(asked)
    executor.wait(10)
    assert executor.observe({asked.key})[asked.key].status is Status.MISSING
    assert executor.read_log(asked.key) == b""


# waiting and watching


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""


def zombies() -> set[str]:
    """Children of this process that wait to be reaped."""
    stats = [text for path in Path("/proc").glob("[0-9]*") if (text := _stat(int(path.name)))]
    return {stat for stat in stats if stat[stat.rindex(")") + 2 :].split()[:2] == ["Z", str(os.getpid())]}


def test_no_zombie_is_left(house: LocalHouse) -> None:
    before = zombies()
    executor = house.open()
    for number in range(10):
        run(executor, call(f"s{number}", "exit 0"))
    assert zombies() <= before


def test_wait_returns_when_one_of_many_ends(house: LocalHouse) -> None:
    executor = house.open()
    calls = [call(f"s{number}", *WAIT_FOR_STOP) for number in range(30)]
    for each in calls:
        executor.launch(each)
    for each in calls:
        said(executor, each.key, b"up")
    let_go(house, calls[17])
    executor.wait(60)
    ended = [k for k, o in executor.observe({c.key for c in calls}).items() if o.status is Status.ENDED]
    assert ended == [calls[17].key]


def test_more_attempts_than_open_files_allow_are_still_followed(
    house: LocalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("reconciler.executors.local.watch.open_pidfd", refuse)
    asked = call("a", *WAIT_FOR_STOP, "exit 3")
    first, second = house.open(), house.open()
    first.launch(asked)
    said(first, asked.key, b"up")
    assert second.observe({asked.key})[asked.key].status is Status.RUNNING
    let_go(house, asked)
    assert seen(second, asked.key).exit_code == 3


def test_the_limit_of_open_files_is_raised_for_us_and_given_back_to_the_step(house: LocalHouse) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        executor = house.open(slots=400)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(656, hard)
        assert run(executor, call("a", "ulimit -n")).log_tail == "256\n"
        assert allow_open_files(100) == min(656, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_closing_lets_what_runs_go_on(make_house: Callable[..., LocalHouse]) -> None:
    house = make_house("none")
    asked = call("a", *WAIT_FOR_STOP, "exit 5")
    executor = house.open()
    executor.launch(asked)
    said(executor, asked.key, b"up")
    executor.close()
    executor.close()
    second = house.open()
    let_go(house, asked)
    assert seen(second, asked.key).exit_code == 5


def test_release_ends_what_still_runs(house: LocalHouse) -> None:
    asked = call("a", "echo up", "sleep 600")
    executor = house.open()
    executor.launch(asked)
    said(executor, asked.key, b"up")
    assert carriers(house, asked)
    house.open().release(asked.key.run_id)
    assert carriers(house, asked) == []
    assert not (house.root / asked.key.run_id).exists()


def test_what_a_step_does_to_its_directory_is_its_own_failure(house: LocalHouse) -> None:
    asked = call("a", 'rm -rf "$PWD" "$HOME" "$TMPDIR" 2>/dev/null; exit 3')
    assert failure(run(house.open(), asked)) == (FAILURE, "ExitCode")
