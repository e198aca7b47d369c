"""What observations mean, drawn as small graphs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core import plan, transition, verdict
from reconciler.model.run import AttemptKey, Phase, Run
from reconciler.model.workflow import Backoff, FailureClass, ParameterOutput, Retry
from tests.factories import at, failed, missing, run_of, running, stopping, succeeded, workflow


def launched(run: Run, now: float = 0.0) -> Run:
    return plan.decide(run, at(now), free=1000).run


def key(run: Run, step: str, attempt: int = 1) -> AttemptKey:
    return AttemptKey(run.id, step, attempt)


def seen(run: Run, *observations, now: float = 1.0) -> Run:
    return transition.advance(run, {o.key: o for o in observations}, at(now))


def phases(run: Run) -> dict[str, str]:
    return {name: str(step.phase) for name, step in run.steps.items()}


def test_a_chain_that_succeeds_ends_the_run_with_the_times_that_were_observed():
    """a -> b"""
    run = launched(run_of(workflow("etl", "a -> b")))
    run = seen(run, succeeded(key(run, "a"), 1, 2))
    run = launched(run, 3)
    run = seen(run, succeeded(key(run, "b"), 4, 6), now=7)
    assert (run.phase, run.started_at, run.finished_at) == (Phase.SUCCEEDED, at(1), at(6))


def test_a_failed_step_skips_everything_downstream_and_says_why():
    """a -> b -> c, and d apart"""
    run = launched(run_of(workflow("etl", "a -> b -> c, d")))
    run = seen(run, failed(key(run, "a")), succeeded(key(run, "d")))
    assert phases(run) == {"a": "Failed", "b": "Skipped", "c": "Skipped", "d": "Succeeded"}
    assert (run.steps["b"].reason, run.steps["b"].message) == ("UpstreamFailed", "step 'a' failed")
    assert (run.steps["c"].reason, run.steps["c"].message) == ("UpstreamSkipped", "step 'b' was skipped")
    assert (run.phase, run.reason) == (Phase.FAILED, "StepFailed")
    assert run.message == "step a: ExitCode: the command ended with exit code 1"


def test_a_tolerated_failure_neither_skips_nor_fails():
    run = launched(run_of(workflow("etl", "a -> b", a={"continue_on_failure": True})))
    run = launched(seen(run, failed(key(run, "a"))))
    run = seen(run, succeeded(key(run, "b")))
    assert phases(run) == {"a": "Failed", "b": "Succeeded"}
    assert run.phase is Phase.SUCCEEDED


def test_a_failure_within_the_budget_waits_and_then_tries_again():
    rule = Retry(limit=1, backoff=Backoff(initial=10, jitter=0))
    run = launched(run_of(workflow("etl", "a", a={"retry": rule})))
    run = seen(run, failed(key(run, "a"), 0, 5), now=5)
    assert (run.steps["a"].phase, run.steps["a"].not_before) == (Phase.PENDING, at(15))
    assert not plan.decide(run, at(14), 10).launches
    again = plan.decide(run, at(15), 10)
    assert [launch.call.key for launch in again.launches] == [key(run, "a", 2)]
    run = seen(again.run, failed(key(run, "a", 2), 15, 16), now=16)
    assert (run.phase, len(run.steps["a"].attempts)) == (Phase.FAILED, 2)


def test_only_the_named_classes_are_tried_again():
    rule = Retry(limit=5, on=frozenset({FailureClass.INFRASTRUCTURE}))
    run = launched(run_of(workflow("etl", "a", a={"retry": rule})))
    assert seen(run, failed(key(run, "a"))).phase is Phase.FAILED
    lost = seen(run, failed(key(run, "a"), failure=FailureClass.INFRASTRUCTURE))
    assert lost.steps["a"].phase is Phase.PENDING


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (7, 60.0), (500, 60.0)]
)
def test_the_back_off_doubles_up_to_its_maximum(attempt, seconds):
    rule = Retry(backoff=Backoff(initial=1, factor=2, maximum=60, jitter=0))
    assert verdict.backoff(rule, AttemptKey("r", "a", attempt)).total_seconds() == seconds


def test_jitter_stays_within_its_share_and_is_the_same_at_every_look():
    rule = Retry(backoff=Backoff(initial=100, factor=1, jitter=0.2))
    waits = [verdict.backoff(rule, AttemptKey("r", "a", n)).total_seconds() for n in range(1, 200)]
    assert min(waits) >= 80
    assert max(waits) <= 120
    assert len(set(waits)) > 150
    assert waits[0] == verdict.backoff(rule, AttemptKey("r", "a", 1)).total_seconds()


def test_a_step_over_its_limit_is_stopped_and_fails_as_timed_out():
    run = launched(run_of(workflow("etl", "a", a={"timeout": 10.0})))
    run = seen(run, running(key(run, "a"), 1), now=5)
    assert not stopping(run)
    run = transition.advance(run, {}, at(11))
    assert stopping(run) == {"a": "TimedOut"}
    run = seen(run, failed(key(run, "a"), 1, 12, FailureClass.CANCELLED, "Cancelled"), now=12)
    assert (run.steps["a"].phase, run.steps["a"].reason) == (Phase.FAILED, "TimedOut")
    assert run.steps["a"].current.failure is FailureClass.TIMEOUT


def test_that_a_step_timed_out_is_known_without_the_recorded_mark():
    run = launched(run_of(workflow("etl", "a", a={"timeout": 10.0})))
    run = seen(run, failed(key(run, "a"), 1, 12, FailureClass.CANCELLED, "Cancelled"), now=12)
    assert run.steps["a"].reason == "TimedOut"


def test_a_run_over_its_limit_stops_what_runs_and_skips_the_rest():
    """a -> b, and c that had not started"""
    made = replace(workflow("etl", "a -> b, c"), timeout=60.0, parallelism=1)
    run = launched(run_of(made))
    run = seen(run, running(key(run, "a"), 0))
    run = transition.advance(run, {}, at(60))
    assert stopping(run) == {"a": "RunTimedOut"}
    assert phases(run) == {"a": "Running", "b": "Skipped", "c": "Skipped"}
    run = seen(run, failed(key(run, "a"), 0, 61, FailureClass.CANCELLED, "Cancelled"), now=61)
    assert (run.phase, run.reason, run.finished_at) == (Phase.FAILED, "RunTimedOut", at(61))
    assert run.message == "the run passed its time limit of 60 s"


def test_an_intent_without_a_trace_stays_and_a_running_attempt_without_one_is_lost():
    run = launched(run_of(workflow("etl", "a")))
    assert seen(run, missing(key(run, "a"))) is run
    assert plan.repeat(run, key(run, "a")) is not None
    run = seen(run, running(key(run, "a")))
    run = seen(run, missing(key(run, "a")))
    assert (run.phase, run.steps["a"].reason) == (Phase.FAILED, "Lost")


def test_outputs_get_their_declared_types_and_a_wrong_one_fails_the_step():
    outputs = (
        ParameterOutput("rows", "rows.txt", "integer"),
        ParameterOutput("note", "note.txt", default="-"),
    )
    run = launched(run_of(workflow("etl", "a", a={"parameter_outputs": outputs})))
    good = seen(run, succeeded(key(run, "a"), rows="12\n"))
    assert good.steps["a"].outputs.parameters == {"rows": 12, "note": "-"}
    bad = seen(run, succeeded(key(run, "a"), rows="many"))
    assert (bad.steps["a"].phase, bad.steps["a"].reason) == (Phase.FAILED, "OutputInvalid")
    assert "output 'rows' (rows.txt)" in bad.steps["a"].message


def test_news_of_an_ended_or_unknown_attempt_changes_nothing():
    run = launched(run_of(workflow("etl", "a, b")))
    run = seen(run, succeeded(key(run, "a")))
    assert seen(run, failed(key(run, "a"))) is run
    assert seen(run, failed(key(run, "a", 7))) is run
    assert seen(run, failed(key(run, "nobody"))) is run


def test_a_run_recovered_from_its_traces_equals_the_one_that_was_lost():
    """a -> c, b with one retry; the database is lost after b's second attempt"""
    rule = Retry(limit=2, backoff=Backoff(initial=0, jitter=0))
    fresh = run_of(workflow("etl", "a -> c, b", b={"retry": rule}))
    run = launched(fresh)
    traces = [succeeded(key(run, "a"), 1, 2), failed(key(run, "b"), 1, 3)]
    run = launched(seen(run, *traces, now=3), 3)
    more = [succeeded(key(run, "b", 2), 4, 5), succeeded(key(run, "c"), 3, 9)]
    undisturbed = seen(run, *more, now=9)
    recovered = transition.recover(fresh, {o.key: o for o in traces + more}, at(100))
    assert recovered.phase is Phase.SUCCEEDED
    assert (recovered.started_at, recovered.finished_at) == (undisturbed.started_at, undisturbed.finished_at)
    for name, step in recovered.steps.items():
        forgotten = [replace(a, created_at=at(0)) for a in undisturbed.steps[name].attempts]
        assert list(step.attempts) == forgotten
