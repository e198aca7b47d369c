"""Which steps start, and which never do."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core import plan, transition
from reconciler.model.run import AttemptKey, Phase
from reconciler.model.workflow import ArtifactInput, Parameter, ParameterInput, ParameterOutput
from tests.factories import at, run_of, succeeded, workflow


def names(decision):
    return [launch.call.key.step for launch in decision.launches]


def test_only_steps_without_open_needs_start():
    """a -> c, b -> c"""
    decision = plan.decide(run_of(workflow("etl", "a -> c, b -> c")), at(0), free=10)
    assert names(decision) == ["a", "b"]
    assert [a.phase for a in decision.run.steps["a"].attempts] == [Phase.PENDING]


def test_no_more_start_than_there_are_free_slots_or_the_workflow_allows():
    made = workflow("wide", "a, b, c, d, e")
    assert names(plan.decide(run_of(made), at(0), free=2)) == ["a", "b"]
    assert names(plan.decide(run_of(replace(made, parallelism=3)), at(0), free=10)) == ["a", "b", "c"]
    half = plan.decide(run_of(replace(made, parallelism=3)), at(0), free=2).run
    assert names(plan.decide(half, at(0), free=10)) == ["c"]


def test_a_false_condition_skips_the_step_and_what_follows_without_using_a_slot():
    """a (never) -> b, c"""
    made = workflow("etl", "a -> b, c", a={"when": "1 > 2"})
    decision = plan.decide(run_of(made), at(0), free=1)
    assert names(decision) == ["c"]
    assert decision.run.steps["a"].reason == "ConditionFalse"
    assert decision.run.steps["b"].reason == "UpstreamSkipped"


def test_what_follows_a_skipped_step_does_not_start_when_slots_run_out_in_between():
    """a (never) -> d, b, c"""
    made = workflow("etl", "a -> d, b, c", a={"when": "false"})
    first = plan.decide(run_of(made), at(0), free=1)
    assert names(first) == ["b"]
    assert first.run.steps["d"].reason == "UpstreamSkipped"
    assert names(plan.decide(first.run, at(0), free=2)) == ["c"]


def test_a_run_whose_every_step_is_skipped_succeeds_at_once():
    decision = plan.decide(run_of(workflow("etl", "a", a={"when": "false"})), at(0), free=1)
    assert (decision.run.phase, decision.run.finished_at) == (Phase.SUCCEEDED, at(0))


def test_values_and_expressions_reach_the_call_rendered():
    made = workflow(
        "etl",
        "a -> b",
        a={"parameter_outputs": (ParameterOutput("rows", "rows", "integer"),)},
        b={
            "command": ("echo", "${{ steps.a.outputs.rows + 1 }}", "of ${{ parameters.total }}"),
            "parameter_inputs": (
                ParameterInput("count", source="a/rows"),
                ParameterInput("p", "x", path="p.txt"),
            ),
            "env": {"TWICE": "${{ inputs.count * 2 }}"},
        },
    )
    made = replace(made, parameters={"total": Parameter("total", "integer", 9)})
    run = plan.decide(run_of(made), at(0), 1).run
    run = transition.advance(run, {(k := AttemptKey(run.id, "a", 1)): succeeded(k, rows="4")}, at(1))
    call = plan.decide(run, at(1), 1).launches[0].call
    assert call.command == ("echo", "5", "of 9")
    assert [(t.path, t.text) for t in call.input_texts] == [("p.txt", "x")]
    wanted = {"PARAM_TOTAL": "9", "INPUT_COUNT": "4", "TWICE": "8", "RECONCILER_STEP": "b"}
    assert wanted.items() <= call.env.items()


def test_a_step_that_cannot_be_called_fails_and_names_the_cause():
    """a tolerated failure leaves b without its input; c divides by nothing"""
    made = workflow(
        "etl",
        "a -> b, c",
        b={"artifact_inputs": (ArtifactInput("data", "a/table", "in.csv"),)},
        c={"args": ("${{ 1 / 0 }}",)},
    )
    run = plan.decide(run_of(made), at(0), 10).run
    run = transition.advance(run, {(k := AttemptKey(run.id, "a", 1)): succeeded(k)}, at(1))
    run = plan.decide(run, at(1), 10).run
    assert run.steps["b"].reason == "InputMissing"
    assert run.steps["b"].message == "input 'data': step 'a' left no artifact 'table'"
    assert run.steps["c"].reason == "ExpressionFailed"
    assert run.phase is Phase.FAILED
