"""What the executor asks of the agent, and what the agent answers, survive the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.executors.kubernetes.errand import (
    Errand,
    Harvest,
    Mount,
    dump_complaint,
    dump_errand,
    dump_harvest,
    for_agent,
    load_errand,
    load_harvest,
)
from reconciler.model.run import Artifact, AttemptKey, InputFile, Outputs, StepCall
from reconciler.model.workflow import ArtifactOutput, FailureClass, ParameterOutput, SecretInput

CALL = StepCall(
    key=AttemptKey("demo-1-cafe", "a", 2),
    prefix="runs/demo/demo-1-cafe/a/2/",
    command=("true",),
    script="echo hi",
    env={"TOKEN": "x"},
    input_files=(InputFile("/in/data.csv", Artifact("data", "k", 3, "0" * 64)),),
    parameter_outputs=(ParameterOutput("n", "n.txt", "integer", default=3),),
    artifact_outputs=(ArtifactOutput("m", "/out/m"),),
    secrets=(SecretInput("db", "password", env="PASSWORD"),),
    pod={"nodeSelector": {"a": "b"}},
)
MOUNTS = (
    Mount("/reconciler/work", "work"),
    Mount("/out", "out/0"),
    Mount("/out/deep", "out/1"),
    Mount("/in/data.csv", "in/0", writable=False),
)


def test_an_errand_survives_the_way_and_carries_nothing_secret() -> None:
    sent = Errand(for_agent(CALL, with_script=False), MOUNTS)
    assert load_errand(dump_errand(sent)) == sent
    assert (
        sent.call.env,
        sent.call.secrets,
        sent.call.pod,
        sent.call.command,
        sent.call.script,
    ) == (
        {},
        (),
        {},
        None,
        None,
    )
    assert for_agent(CALL, with_script=True).script == "echo hi"


@pytest.mark.parametrize(
    ("seen", "place"),
    [
        ("/reconciler/work/a/b", ("work", "a/b")),
        ("/reconciler/work", ("", "work")),
        ("/out/deep/x", ("out/1", "x")),
        ("/out/deeper", ("out/0", "deeper")),
        ("/in/data.csv", ("in", "0")),
    ],
)
def test_a_path_lies_in_its_innermost_mount(seen: str, place: tuple[str, str]) -> None:
    assert Errand(CALL, MOUNTS).locate(seen) == place


def test_a_path_in_no_mount_is_named() -> None:
    with pytest.raises(LookupError, match="'/elsewhere'"):
        Errand(CALL, MOUNTS).locate("/elsewhere")


def test_the_directories_to_make_are_those_that_the_step_may_write() -> None:
    assert Errand(CALL, MOUNTS).directories() == ("work", "out/0", "out/1")


def test_an_answer_survives_the_way() -> None:
    outputs = Outputs({"n": "1\n"}, {"m": Artifact("m", "k", 1, "1" * 64, "tar")})
    harvest = Harvest(outputs, FailureClass.FAILURE, "OutputMissing", "nothing there")
    assert load_harvest(dump_harvest(harvest)) == harvest
    assert load_harvest(dump_harvest(Harvest())) == Harvest()


@pytest.mark.parametrize("text", ["", "null", "[]", '{"failure": "odd"}', '{"outputs": 3}'])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        load_harvest(text)


@given(st.text(max_size=9000))
def test_a_complaint_always_fits_and_can_be_read(message: str) -> None:
    text = dump_complaint(
        Harvest(Outputs({"n": "1"}), FailureClass.INFRASTRUCTURE, "StoreUnavailable", message)
    )
    assert len(text.encode("utf-8", "surrogatepass")) <= 4096
    found = load_harvest(text)
    assert (found.failure, found.reason, found.outputs) == (
        FailureClass.INFRASTRUCTURE,
        "StoreUnavailable",
        Outputs(),
    )
    assert message.startswith(found.message.removesuffix("..."))
