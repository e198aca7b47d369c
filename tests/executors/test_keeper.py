"""The process that keeps the steps of a pass: how it starts them, what it hears, when it leaves."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.executors.local import process
from reconciler.executors.local.place import Place
from reconciler.executors.local.process import Claim, End
from reconciler.model.run import Status, StepCall
from tests.executors.conftest import LocalHouse
from tests.executors.contract import FAILURE, call, failure, run, said, seen


def claim_of(house: LocalHouse, asked: StepCall) -> Claim:
    claim = Place(house.root, asked.key).claim()
    assert claim is not None
    return claim


def test_all_steps_of_a_pass_have_one_keeper_which_leaves_after_the_last(house: LocalHouse) -> None:
    calls = [call(name, "echo up; while ! test -e stop; do sleep 0.02; done; exit 3") for name in "abc"]
    executor = house.open()
    for each in calls:
        executor.launch(each)
        said(executor, each.key, b"up")
    keepers = {claim_of(house, each).keeper for each in calls}
    assert len(keepers) == 1
    handle = process.open_pidfd(*keepers)
    assert handle is not None
    executor.close()
    for each in calls:
        (Place(house.root, each.key).work / "stop").touch()
    assert [seen(house.open(), each.key).exit_code for each in calls] == [3, 3, 3]
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(60_000)
    os.close(handle)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_keeper_that_is_asked_to_go_stays(house: LocalHouse, number: signal.Signals) -> None:
    asked = call("a", "echo up; while ! test -e stop; do sleep 0.02; done; exit 3")
    executor = house.open()
    executor.launch(asked)
    said(executor, asked.key, b"up")
    os.kill(claim_of(house, asked).keeper, number)
    (Place(house.root, asked.key).work / "stop").touch()
    assert seen(executor, asked.key).exit_code == 3


def test_a_keeper_that_was_begun_before_any_step_keeps_those_that_come(house: LocalHouse) -> None:
    house.open(expecting=True).close()
    executor = house.open(expecting=True)
    first, second = call("a", "echo one"), call("b", "echo two")
    assert [run(executor, each).log_tail for each in (first, second)] == ["one\n", "two\n"]
    assert claim_of(house, first).keeper == claim_of(house, second).keeper


def test_after_its_keeper_was_killed_a_pass_starts_steps_with_another(house: LocalHouse) -> None:
    first, second = call("a", "echo up; sleep 600"), call("b", "echo ran")
    executor = house.open()
    executor.launch(first)
    said(executor, first.key, b"up")
    os.kill(claim_of(house, first).keeper, signal.SIGKILL)
    assert seen(executor, first.key).reason == "Lost"
    assert run(executor, second).log_tail == "ran\n"
    assert claim_of(house, second).keeper != claim_of(house, first).keeper


def test_the_claim_tells_which_process_the_command_was_and_how_it_ended(house: LocalHouse) -> None:
    asked = call("a", "echo $$; exit 3")
    observation = run(house.open(), asked)
    claim = claim_of(house, asked)
    assert claim.end is not None
    assert (claim.end.code, claim.end.was_run, claim.boot) == (3, True, process.boot_id())
    assert claim.leader is not None
    if house.options.isolation == "none":
        assert observation.log_tail == f"{claim.leader[0]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("claim 1 2 boot 3.5", None),
        ("claim 1 2 boot\n", None),
        ("claim 1 2 boot x\n", None),
        ("claim 1 2 boot 3.5\n", Claim(1, 2, "boot", 3.5)),
        ("claim 1 2 boot 3.5\npid 4 5\nexit 0", Claim(1, 2, "boot", 3.5, (4, 5))),
        (
            "claim 1 2 boot 3.5\npid 4 5\nexit 1 6.5 unrun\n",
            Claim(1, 2, "boot", 3.5, (4, 5), End(1, 6.5, was_run=False)),
        ),
        (
            "claim 1 2 boot 3.5\nexit 127 6.5 run\n",
            Claim(1, 2, "boot", 3.5, None, End(127, 6.5, was_run=True)),
        ),
    ],
)
def test_of_a_claim_only_whole_lines_count(text: str, expected: Claim | None) -> None:
    assert Claim.parse(text) == expected


def test_a_step_that_closes_its_output_early_goes_on(house: LocalHouse) -> None:
    asked = call("a", "echo up; exec >/dev/null 2>&1; while ! test -e stop; do sleep 0.02; done; exit 3")
    executor = house.open()
    executor.launch(asked)
    said(executor, asked.key, b"up")
    assert executor.observe({asked.key})[asked.key].status is Status.RUNNING
    (Place(house.root, asked.key).work / "stop").touch()
    observation = seen(executor, asked.key)
    assert (observation.exit_code, observation.log_tail) == (3, "up\n")


def test_a_log_that_somebody_holds_open_for_ever_is_given_up(make_house: Callable[..., LocalHouse]) -> None:
    house = make_house("none")
    stranger = "env -i setsid /bin/sh -c 'echo $$; : >up; exec /bin/sleep 600' &"  # carries no mark of ours
    asked = call("a", stranger, "while ! test -e up; do sleep 0.02; done")
    observation = run(house.open(), asked)
    os.kill(int(observation.log_tail), signal.SIGKILL)
    assert failure(observation) == (None, "")


def test_a_keeper_holds_nothing_that_the_pass_was_given_by_others(house: LocalHouse) -> None:
    reader, writer = os.pipe()
    high = os.dup2(writer, 200)
    os.set_inheritable(writer, True)
    asked = call("a", "echo up; while ! test -e stop; do sleep 0.02; done")
    executor = house.open()
    try:
        executor.launch(asked)
        said(executor, asked.key, b"up")
    finally:
        os.close(writer)
        os.close(high)
    assert os.read(reader, 1) == b""  # nobody else can write there
    os.close(reader)
    (Place(house.root, asked.key).work / "stop").touch()
    assert seen(executor, asked.key).exit_code == 0


def test_signals_that_the_pass_ignores_work_in_steps(house: LocalHouse) -> None:
    assert run(house.open(), call("a", "yes | head -n 1")).log_tail == "y\n"


def test_arguments_may_take_a_megabyte(house: LocalHouse) -> None:
    words = [str(number).rjust(100_000, "0") for number in range(10)]
    asked = call(
        "a", command=("/bin/sh", "-c", 'echo "$# $(printf "%s" "$@" | wc -c)"', "sh"), args=tuple(words)
    )
    assert run(house.open(), asked).log_tail == "10 1000000\n"


def test_more_arguments_than_the_system_takes_are_the_step_s_failure(
    make_house: Callable[..., LocalHouse],
) -> None:
    asked = call("a", command=("/bin/true",), args=tuple(["x" * 100_000] * 40))
    observation = run(make_house("none").open(), asked)
    assert (failure(observation), observation.exit_code) == ((FAILURE, "CommandNotFound"), 126)
    assert observation.log_tail == "/bin/true: Argument list too long\n"


def test_a_program_is_looked_for_in_the_path_of_the_step(
    make_house: Callable[..., LocalHouse], tmp_path: Path
) -> None:
    """As execvp(3) does it: what cannot be executed is passed over, and a text without a first line that
    names its interpreter is for the shell."""
    for name, mode in (("a", 0o600), ("b", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tool").write_text(f'echo {name} "$@"\n')
        (tmp_path / name / "tool").chmod(mode)
    executor = make_house("none").open()
    where = f"{tmp_path}/none:{tmp_path}/a"
    asked = call("a", command=("tool", "x", "y z"), env={"PATH": f"{where}:{tmp_path}/b:/bin"})
    assert run(executor, asked).log_tail == "b x y z\n"
    observation = run(executor, call("b", command=("tool",), env={"PATH": where}))
    assert (observation.exit_code, observation.log_tail) == (126, "tool: Permission denied\n")
    observation = run(executor, call("c", command=("tool",), env={"PATH": f"{tmp_path}/none"}))
    assert (observation.exit_code, observation.log_tail) == (127, "tool: No such file or directory\n")
