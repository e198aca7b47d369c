"""What every executor must do. A new executor's test is a class that derives from `ExecutorContract` and
gives the fixture `house`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pytest

from reconciler.artifacts import ArtifactStore
from reconciler.artifacts.packing import place
from reconciler.executors.base import Executor
from reconciler.model.run import (
    Artifact,
    AttemptKey,
    InputFile,
    InputText,
    Observation,
    Run,
    Status,
    StepCall,
    Trigger,
    TriggerKind,
)
from reconciler.model.workflow import ArtifactOutput, FailureClass, ParameterOutput, Step, Workflow

PATIENCE = 300.0
"""Seconds after which a test gives up; no test needs them."""


class House(Protocol):
    """Where an executor lives: what it keeps outlives the objects that `open` returns."""

    store: ArtifactStore
    absolute_paths: bool

    def open(self) -> Executor:
        """A fresh executor on what is there, as the next pass would make it; its grace is one second."""


def call(step: str, *shell: str, attempt: int = 1, run_id: str = "demo-1-cafe", **more: Any) -> StepCall:
    """A call that runs lines of shell, unless `more` says something else."""
    key = AttemptKey(run_id, step, attempt)
    command = ("/bin/sh", "-c", "\n".join(shell)) if shell else None
    return StepCall(**{"key": key, "prefix": f"runs/demo/{key}/", "command": command, **more})


def seen(executor: Executor, key: AttemptKey, *statuses: Status, patience: float = PATIENCE) -> Observation:
    """The first observation with one of these statuses (ENDED at any rate)."""
    deadline = time.monotonic() + patience
    told: Observation | None = None
    while time.monotonic() < deadline:
        told = executor.observe({key}).get(key, told)
        if told is not None and told.status in (Status.ENDED, *statuses):
            return told
        executor.wait(0.05 if statuses else 5.0)
    raise AssertionError(f"{key} is still {told}")


def run(executor: Executor, what: StepCall, patience: float = PATIENCE) -> Observation:
    """Launch and follow to the end."""
    executor.launch(what)
    return seen(executor, what.key, patience=patience)


def said(executor: Executor, key: AttemptKey, text: bytes) -> bytes:
    """The log, once `text` is in it."""
    deadline = time.monotonic() + PATIENCE
    while text not in (log := executor.read_log(key)):
        assert time.monotonic() < deadline, log
        executor.wait(0.05)
    return log


def stored(store: ArtifactStore, artifact: Artifact | None) -> bytes:
    assert artifact is not None
    with store.open(artifact.key) as stream:
        return stream.read()


def an_artifact(store: ArtifactStore, name: str, content: bytes) -> Artifact:
    found = store.put(f"given/{name}", BytesIO(content))
    return Artifact(name, found.key, found.size, found.sha256)


def failure(observation: Observation) -> tuple[FailureClass | None, str]:
    return observation.failure, observation.reason


FAILURE, INFRASTRUCTURE, CANCELLED = (
    FailureClass.FAILURE,
    FailureClass.INFRASTRUCTURE,
    FailureClass.CANCELLED,
)


class ExecutorContract:
    """Derive, and give the fixture `house`, and in `variables` what a step finds besides what it was given
    (`LANG` was, in the test of it)."""

    variables: AbstractSet[str] = frozenset({"PATH", "HOME", "TMPDIR", "RECONCILER_ATTEMPT_COOKIE"})

    @pytest.fixture
    def house(self) -> House:
        raise NotImplementedError

    @pytest.fixture
    def executor(self, house: House) -> Executor:
        return house.open()

    # how attempts end

    def test_exit_code_0_is_success(self, executor: Executor) -> None:
        observation = run(executor, call("a", "exit 0"))
        assert observation.exit_code == 0
        assert failure(observation) == (None, "")
        assert observation.started_at is not None
        assert observation.finished_at is not None
        assert observation.started_at <= observation.finished_at

    def test_another_exit_code_is_a_failure_that_names_it(self, executor: Executor) -> None:
        observation = run(executor, call("a", "exit 3"))
        assert (observation.exit_code, observation.message) == (3, "exit code 3")
        assert failure(observation) == (FAILURE, "ExitCode")

    def test_a_command_that_is_not_there_is_named_so(self, executor: Executor) -> None:
        observation = run(executor, call("a", command=("no-such-command",)))
        assert failure(observation) == (FAILURE, "CommandNotFound")
        assert "'no-such-command'" in observation.message

    def test_an_interpreter_that_is_not_there_is_named(self, executor: Executor) -> None:
        observation = run(executor, call("a", script="#!/no/such/interpreter -x\ntrue\n"))
        assert failure(observation) == (FAILURE, "CommandNotFound")
        assert "'/no/such/interpreter -x'" in observation.message
        observation = run(executor, call("b", "no-such-command"))
        assert failure(observation) == (FAILURE, "CommandNotFound")
        assert "'/bin/sh', or a command that it runs, cannot be found" in observation.message

    def test_death_by_a_signal_names_the_signal(self, executor: Executor) -> None:
        observation = run(executor, call("a", "sh -c 'kill -SEGV $$'", "exit $?"))
        assert failure(observation) == (FAILURE, "Signal")
        assert "SIGSEGV" in observation.message

    def test_a_script_runs_by_its_first_line_or_by_a_shell_that_stops_at_errors(
        self, executor: Executor
    ) -> None:
        assert run(executor, call("a", script="false\necho on")).exit_code == 1
        observation = run(executor, call("b", script='#!/bin/sh\nfalse\necho "$@"', args=("x y", "z")))
        assert (observation.exit_code, observation.log_tail) == (0, "x y z\n")
        observation = run(
            executor, call("c", script="echo $0 $1", interpreter=("/bin/sh", "-e"), args=("x",))
        )
        assert observation.log_tail.endswith(" x\n")

    def test_an_end_is_told_again_to_whoever_asks_again(self, house: House) -> None:
        asked = call("a", "echo hi", "echo 5 >value", parameter_outputs=(ParameterOutput("n", "value"),))
        executor = house.open()
        first = run(executor, asked)
        assert executor.observe({asked.key}) == {asked.key: first}
        assert seen(house.open(), asked.key) == first

    def test_a_quiet_end_is_told_again_too(self, house: House) -> None:
        asked = call("a", "exit 4")
        first = run(house.open(), asked)
        assert seen(house.open(), asked.key) == first

    # launching

    def test_an_attempt_nobody_launched_is_missing(self, executor: Executor) -> None:
        key = AttemptKey("demo-1-cafe", "a", 1)
        assert executor.observe({key}) == {key: Observation(key, Status.MISSING)}

    def test_launching_again_runs_nothing_again(self, house: House) -> None:
        asked = call("a", "echo ran", "sleep 0.2")
        executor = house.open()
        executor.launch(asked)
        executor.launch(asked)
        house.open().launch(asked)
        assert seen(executor, asked.key).log_tail == "ran\n"
        house.open().launch(asked)
        assert seen(house.open(), asked.key).log_tail == "ran\n"

    def test_a_running_attempt_is_adopted_by_the_next_executor(self, house: House) -> None:
        asked = call("a", "echo up", "while ! test -e stop; do sleep 0.05; done", "exit 7")
        first = house.open()
        first.launch(asked)
        assert seen(first, asked.key, Status.RUNNING).status is Status.RUNNING
        said(first, asked.key, b"up")
        first.close()
        second = house.open()
        assert second.observe({asked.key})[asked.key].status is Status.RUNNING
        second.cancel(asked.key)
        assert failure(seen(second, asked.key)) == (CANCELLED, "Cancelled")

    def test_many_attempts_run_side_by_side(self, executor: Executor) -> None:
        calls = [call(f"s{number}", f"exit {number}") for number in range(20)]
        for each in calls:
            executor.launch(each)
        assert [seen(executor, each.key).exit_code for each in calls] == list(range(20))

    # stopping

    def test_cancelling_ends_what_runs(self, executor: Executor) -> None:
        asked = call("a", "echo up", "sleep 600")
        executor.launch(asked)
        said(executor, asked.key, b"up")
        executor.cancel(asked.key)
        executor.cancel(asked.key)
        assert failure(seen(executor, asked.key)) == (CANCELLED, "Cancelled")

    def test_a_step_that_is_asked_to_stop_may_clean_up(self, executor: Executor) -> None:
        asked = call("a", "trap 'echo bye; exit 0' TERM", "echo up", "while :; do sleep 0.05; done")
        executor.launch(asked)
        said(executor, asked.key, b"up")
        executor.cancel(asked.key)
        observation = seen(executor, asked.key)
        assert failure(observation) == (CANCELLED, "Cancelled")
        assert observation.log_tail.endswith("bye\n")

    def test_a_step_that_does_not_listen_is_killed_after_the_grace(self, executor: Executor) -> None:
        asked = call("a", "trap '' TERM", "echo up", "while :; do sleep 0.05; done")
        executor.launch(asked)
        said(executor, asked.key, b"up")
        executor.cancel(asked.key)
        assert failure(seen(executor, asked.key)) == (CANCELLED, "Cancelled")

    def test_the_next_executor_goes_on_with_the_stopping(self, house: House) -> None:
        asked = call("a", "trap '' TERM", "echo up", "while :; do sleep 0.05; done")
        first = house.open()
        first.launch(asked)
        said(first, asked.key, b"up")
        first.cancel(asked.key)
        first.close()
        assert failure(seen(house.open(), asked.key)) == (CANCELLED, "Cancelled")

    def test_cancelling_what_is_gone_changes_nothing(self, executor: Executor) -> None:
        asked = call("a", "exit 0")
        executor.cancel(asked.key)
        assert executor.observe({asked.key})[asked.key].status is Status.MISSING
        assert failure(run(executor, asked)) == (None, "")
        executor.cancel(asked.key)
        assert failure(executor.observe({asked.key})[asked.key]) == (None, "")

    # what a step sees

    def test_the_environment_is_what_the_call_says_and_what_is_documented(self, executor: Executor) -> None:
        given = {"NAME": "ünï 'quoted' $x", "LINES": "a|b", "EMPTY": "", "LANG": "de_DE.UTF-8"}
        lines = run(executor, call("a", command=("env",), env=given)).log_tail.splitlines()
        variables = dict(line.split("=", 1) for line in lines)
        added = {name: value for name, value in variables.items() if given.get(name) != value}
        assert variables == {**added, **given}
        assert added.keys() == self.variables

    def test_a_variable_may_have_several_lines(self, executor: Executor) -> None:
        asked = call("a", 'printf %s "$LINES"', env={"LINES": "a\nb"})
        assert run(executor, asked).log_tail == "a\nb"

    def test_home_and_temporary_directory_can_be_written(self, executor: Executor) -> None:
        asked = call("a", 'echo x >"$HOME/x" && echo y >"$TMPDIR/y" && echo z >z')
        assert run(executor, asked).exit_code == 0

    def test_standard_input_is_empty(self, executor: Executor) -> None:
        assert run(executor, call("a", "cat")).exit_code == 0

    def test_the_step_owns_variables_may_replace_the_standard_ones(self, executor: Executor) -> None:
        asked = call("a", "echo $LANG $HOME", env={"LANG": "de_DE.UTF-8", "HOME": "/nowhere"})
        assert run(executor, asked).log_tail == "de_DE.UTF-8 /nowhere\n"

    # inputs

    def test_inputs_lie_where_the_step_wants_them(self, house: House) -> None:
        data = an_artifact(house.store, "data", b"rows")
        asked = call(
            "a",
            "cat in/deep/data.csv 'naïve name'; tr '\\r' R <text.txt",  # logs may lose it
            input_files=(InputFile("in/deep/data.csv", data), InputFile("naïve name", data)),
            input_texts=(InputText("text.txt", "a\r\nb"),),
        )
        executor = house.open()
        assert run(executor, asked).failure is None
        assert executor.read_log(asked.key) in (b"rowsrowsaR\nb", b"")

    def test_a_directory_passes_from_step_to_step(self, house: House, tmp_path: Path) -> None:
        executor = house.open()
        made = run(
            executor,
            call(
                "a",
                "mkdir -p out/sub && echo 1 >out/one && echo 2 >out/sub/two && chmod +x out/one",
                artifact_outputs=(ArtifactOutput("d", "out"), ArtifactOutput("f", "out", archive="files")),
            ),
        )
        assert made.failure is None
        artifacts = made.outputs.artifacts
        assert {name: artifact.form for name, artifact in artifacts.items()} == {"d": "tar", "f": "files"}
        used = run(
            executor,
            call(
                "b",
                "cat given/one given/sub/two files/one files/sub/two && test -x given/one",
                input_files=(InputFile("given", artifacts["d"]), InputFile("files", artifacts["f"])),
            ),
        )
        assert (used.exit_code, used.log_tail) == (0, "1\n2\n1\n2\n")
        place(house.store, artifacts["d"], tmp_path / "d")
        assert (tmp_path / "d/sub/two").read_text() == "2\n"

    def test_an_input_that_is_gone_fails_the_attempt_before_it_starts(self, house: House) -> None:
        gone = Artifact("gone", "given/gone", 3, "0" * 64)
        observation = run(house.open(), call("a", "echo ran", input_files=(InputFile("x", gone),)))
        assert failure(observation) == (FAILURE, "InputMissing")
        assert (observation.started_at, observation.exit_code) == (None, None)

    def test_an_input_that_was_changed_fails_the_attempt(self, house: House) -> None:
        data = an_artifact(house.store, "data", b"rows")
        an_artifact(house.store, "data", b"sows")
        asked = call("a", "echo ran", input_files=(InputFile("x", data),))
        executor = house.open()
        assert failure(run(executor, asked)) == (FAILURE, "InputCorrupt")
        assert failure(seen(house.open(), asked.key)) == (FAILURE, "InputCorrupt")

    # outputs

    def test_outputs_are_stored_below_the_prefix(self, house: House) -> None:
        outputs = (
            ArtifactOutput("report", "out/report.html"),
            ArtifactOutput("raw", "r", content_type="x/y"),
        )
        observation = run(
            house.open(),
            call(
                "a",
                "mkdir out && echo hi >out/report.html && printf raw >r && printf ' 0.9\n' >n",
                artifact_outputs=outputs,
                parameter_outputs=(ParameterOutput("n", "n", "number"),),
            ),
        )
        assert observation.failure is None
        assert observation.outputs.parameters == {"n": " 0.9\n"}
        report, raw = (observation.outputs.artifacts[name] for name in ("report", "raw"))
        assert (report.key, report.size, report.content_type) == (
            "runs/demo/demo-1-cafe/a/1/artifacts/report",
            3,
            "text/html",
        )
        assert (stored(house.store, report), stored(house.store, raw)) == (b"hi\n", b"raw")
        assert raw.content_type == "x/y"

    def test_a_missing_output_fails_the_attempt_and_says_what_is_there(self, executor: Executor) -> None:
        asked = call("a", "echo 1 >model.jsn", artifact_outputs=(ArtifactOutput("model", "model.json"),))
        observation = run(executor, asked)
        assert failure(observation) == (FAILURE, "OutputMissing")
        assert "'model.json'" in observation.message
        assert "Did you mean 'model.jsn'?" in observation.message
        asked = call("b", "exit 0", parameter_outputs=(ParameterOutput("n", "deep/n"),))
        observation = run(executor, asked)
        assert failure(observation) == (FAILURE, "OutputMissing")
        assert "'deep/n'" in observation.message

    def test_optional_outputs_and_those_with_a_default_may_be_missing(self, executor: Executor) -> None:
        observation = run(
            executor,
            call(
                "a",
                "exit 0",
                artifact_outputs=(ArtifactOutput("x", "x", optional=True),),
                parameter_outputs=(ParameterOutput("n", "n", default="7"),),
            ),
        )
        assert observation.failure is None
        assert (observation.outputs.parameters, observation.outputs.artifacts) == ({}, {})

    def test_the_outputs_of_a_failed_command_are_kept(self, house: House) -> None:
        outputs = (ArtifactOutput("partial", "p"), ArtifactOutput("rest", "q"))
        observation = run(house.open(), call("a", "echo half >p; exit 9", artifact_outputs=outputs))
        assert failure(observation) == (FAILURE, "ExitCode")
        assert list(observation.outputs.artifacts) == ["partial"]
        assert stored(house.store, observation.outputs.artifacts["partial"]) == b"half\n"

    def test_a_value_of_several_megabytes_comes_through(self, executor: Executor) -> None:
        asked = call(
            "a",
            "head -c 3000000 /dev/zero | tr '\\0' x >big",
            parameter_outputs=(ParameterOutput("big", "big"),),
        )
        assert run(executor, asked).outputs.parameters == {"big": "x" * 3_000_000}

    def test_a_value_that_is_not_text_is_refused(self, executor: Executor) -> None:
        asked = call("a", r"printf '\377' >n", parameter_outputs=(ParameterOutput("n", "n"),))
        assert failure(run(executor, asked)) == (FAILURE, "OutputRefused")

    def test_a_link_out_of_the_attempt_is_no_output(self, executor: Executor) -> None:
        asked = call(
            "a",
            "ln -s /etc/hostname x && mkdir d && ln -s /etc/hostname d/x",
            artifact_outputs=(ArtifactOutput("x", "x"), ArtifactOutput("d", "d")),
            parameter_outputs=(ParameterOutput("n", "x"),),
        )
        observation = run(executor, asked)
        assert failure(observation) == (FAILURE, "OutputRefused")
        assert (observation.outputs.parameters, observation.outputs.artifacts) == ({}, {})

    def test_a_fifo_is_no_output_and_blocks_nobody(self, executor: Executor) -> None:
        asked = call(
            "a",
            "mkfifo f",
            artifact_outputs=(ArtifactOutput("f", "f"),),
            parameter_outputs=(ParameterOutput("n", "f"),),
        )
        assert failure(run(executor, asked)) == (FAILURE, "OutputRefused")

    # logs

    def test_the_log_holds_both_streams_each_in_order(self, house: House) -> None:
        asked = call("a", "echo 1; echo 2 >&2; echo 3; echo 4 >/dev/stderr; echo 5 >/dev/stdout; echo 6 >&2")
        observation = run(house.open(), asked)
        lines = stored(house.store, observation.log).decode().split()
        assert [line for line in lines if line in "135"] == ["1", "3", "5"]
        assert [line for line in lines if line in "246"] == ["2", "4", "6"]
        assert observation.log_tail.split() == lines
        assert observation.log is not None
        assert observation.log.key == "runs/demo/demo-1-cafe/a/1/log.txt"

    def test_a_long_log_is_complete_and_its_tail_is_its_end(self, house: House) -> None:
        asked = call("a", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done")
        observation = run(house.open(), asked)
        whole = stored(house.store, observation.log).decode()
        assert whole == "".join(f"line {number}\n" for number in range(1, 20001))
        assert observation.log_tail == "".join(f"line {number}\n" for number in range(19951, 20001))

    def test_a_quiet_step_leaves_no_log(self, executor: Executor) -> None:
        observation = run(executor, call("a", "exit 0"))
        assert (observation.log, observation.log_tail) == (None, "")

    def test_the_log_can_be_read_while_the_step_runs(self, executor: Executor) -> None:
        asked = call("a", "echo hello", "sleep 600")
        executor.launch(asked)
        assert said(executor, asked.key, b"hello\n") == b"hello\n"
        assert executor.read_log(asked.key, 2) == b"llo\n"
        assert executor.read_log(asked.key, 6) == b""
        assert executor.read_log(AttemptKey("demo-1-cafe", "nobody", 1)) == b""
        executor.cancel(asked.key)
        seen(executor, asked.key)

    # anchors

    def test_an_anchored_run_is_found_by_the_next_executor(self, house: House) -> None:
        anchored = a_run()
        for executor in (house.open(), house.open()):
            executor.anchor(anchored)
            executor.close()
        assert list(house.open().survey()) == [anchored]

    def test_the_attempts_of_a_run_are_found(self, house: House) -> None:
        house.open().anchor(a_run())
        calls = [call("a", "exit 1"), call("a", "exit 0", attempt=2), call("b", "exit 0")]
        for each in calls:
            run(house.open(), each)
        assert sorted(house.open().attempts("demo-1-cafe")) == [each.key for each in calls]
        assert list(house.open().attempts("other-1-cafe")) == []

    def test_a_released_run_leaves_no_trace_here(self, house: House) -> None:
        executor = house.open()
        executor.anchor(a_run())
        asked = call("a", "mkdir -p deep/er && touch deep/er/x && chmod 000 deep/er deep; echo said")
        log = run(executor, asked).log
        executor.release("demo-1-cafe")
        executor.release("demo-1-cafe")
        assert list(executor.survey()) == []
        assert list(executor.attempts("demo-1-cafe")) == []
        assert executor.observe({asked.key})[asked.key].status is Status.MISSING
        assert stored(house.store, log) == b"said\n"

    # absolute paths

    def test_absolute_paths_are_exactly_there(self, house: House) -> None:
        if not house.absolute_paths:
            pytest.skip("this executor has relative paths only")
        data = an_artifact(house.store, "data", b"rows")
        asked = call(
            "a",
            "cat /in/data.csv >/out/copy && cat /etc/reconciler-test/conf >>/out/copy && echo 1 >/tmp/result",
            input_files=(InputFile("/in/data.csv", data),),
            input_texts=(InputText("/etc/reconciler-test/conf", "!"),),
            artifact_outputs=(ArtifactOutput("copy", "/out/copy"),),
            parameter_outputs=(ParameterOutput("n", "/tmp/result"),),
        )
        observation = run(house.open(), asked)
        assert failure(observation) == (None, ""), observation.log_tail
        assert stored(house.store, observation.outputs.artifacts["copy"]) == b"rows!"
        assert observation.outputs.parameters == {"n": "1\n"}

    def test_two_steps_that_write_the_same_absolute_path_do_not_meet(self, house: House) -> None:
        if not house.absolute_paths:
            pytest.skip("this executor has relative paths only")
        executor = house.open()
        calls = [
            call(
                name,
                f"echo {name} >/tmp/out; sleep 0.3",
                artifact_outputs=(ArtifactOutput("out", "/tmp/out"),),
            )
            for name in ("a", "b")
        ]
        for each in calls:
            executor.launch(each)
        outputs = [seen(executor, each.key).outputs.artifacts["out"] for each in calls]
        assert [stored(house.store, output) for output in outputs] == [b"a\n", b"b\n"]


def a_run() -> Run:
    """A run with something of everything in it."""
    document: Mapping[str, Any] = {
        "metadata": {"name": "demo"},
        "spec": {"steps": {"a": {"command": ["true"]}}},
    }
    return Run(
        id="demo-1-cafe",
        name="demo",
        number=1,
        revision="8f14e45fceea167a5a36dedd4bea2543c1b0a5f0",
        digest="sha256:" + "0" * 64,
        trigger=Trigger(TriggerKind.CHANGE),
        created_at=datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC),
        workflow=parse(document),
        parameters={"epochs": 5, "names": ["ä", None, 0.5], "deep": {"x": True}},
        bundles={"a": Artifact("files", "files/0.tar", 10, "0" * 64, "tar")},
    )


def parse(document: Mapping[str, Any]) -> Workflow:
    """Enough of a parser for the workflow of `a_run`."""
    steps = {
        name: Step(name, command=tuple(step["command"])) for name, step in document["spec"]["steps"].items()
    }
    return Workflow(document["metadata"]["name"], document, steps=steps)
