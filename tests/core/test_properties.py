"""Whatever the graph and whatever is observed in whatever order: the promises of the core hold."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import plan, transition
from reconciler.model.run import AttemptKey, Observation, Phase, Run, Status
from reconciler.model.workflow import Backoff, FailureClass, Retry, Step, Workflow
from tests.chance import examples
from tests.factories import at, failed, missing, run_of, running, stopping, succeeded

RETRYABLE = st.sampled_from(
    [
        Retry(),
        Retry(limit=2, backoff=Backoff(initial=0, jitter=0)),
        Retry(limit=1, backoff=Backoff(initial=3)),
    ]
)
CONDITIONS = st.sampled_from([None, None, None, "true", "false", "1 / 0 == 1"])


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """A random acyclic graph of up to twelve steps, in a random order of definition."""
    count = draw(st.integers(1, 12))
    names = [f"s{n}" for n in range(count)]
    steps = []
    for n, name in enumerate(names):
        needs = draw(st.sets(st.sampled_from(names[:n]), max_size=3)) if n else set()
        steps.append(
            Step(
                name,
                command=("true",),
                depends_on=tuple(sorted(needs)),
                when=draw(CONDITIONS),
                retry=draw(RETRYABLE),
                continue_on_failure=draw(st.booleans()),
                timeout=draw(st.sampled_from([None, 2.0])),
            )
        )
    order = draw(st.permutations(steps))
    limit = draw(st.sampled_from([None, 1, 3]))
    total = draw(st.sampled_from([None, None, 15.0]))
    named = {step.name: step for step in order}
    return Workflow("w", {}, steps=named, parallelism=limit, timeout=total)


def fate(seed: int, key: AttemptKey) -> tuple[str, float]:
    """What becomes of an attempt, and after how long: decided by its key, so the same in every order."""
    chance = random.Random(f"{seed}/{key.step}/{key.attempt}")
    kinds = ["ok", "ok", "ok", "fail", "infrastructure", "vanish"]
    return chance.choice(kinds), chance.choice([0.5, 1.0, 4.0])


class World:
    """A place where attempts run by their fate; told of cancels, asked in any order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.started: dict[AttemptKey, float] = {}
        self.cancelled: dict[AttemptKey, float] = {}

    def look(self, key: AttemptKey, now: float) -> Observation:
        if key not in self.started:
            return missing(key)
        begun, (kind, length) = self.started[key], fate(self.seed, key)
        stop = self.cancelled.get(key)
        if stop is not None and stop < begun + length:
            return failed(key, begun, stop, FailureClass.CANCELLED, "Cancelled")
        if now < begun + length:
            return running(key, begun)
        if kind == "ok":
            return succeeded(key, begun, begun + length)
        if kind == "vanish":
            return failed(key, begun, begun + length, FailureClass.INFRASTRUCTURE, "Lost")
        failure = FailureClass.FAILURE if kind == "fail" else FailureClass.INFRASTRUCTURE
        return failed(key, begun, begun + length, failure)


def carry_on(run: Run, world: World, order: random.Random, slots: int) -> Run:
    """Tick until the run has ended, each tick seeing a random part of what there is to see."""
    for turn in range(2_000):
        now = turn * 0.5
        keys = transition.live_keys(run)
        assert len(keys) <= min(slots, run.workflow.parallelism or slots)
        order.shuffle(keys)
        shown = keys[: order.randint(0, len(keys))] if turn % 3 else keys
        run = transition.advance(run, {k: world.look(k, now) for k in shown}, at(now))
        for name in stopping(run):
            key = transition.live_key(run, run.steps[name])
            world.cancelled.setdefault(key, now)
        decision = plan.decide(run, at(now), slots - len(transition.live_keys(run)))
        for launch in decision.launches:
            check_launch(decision.run, launch.call.key, world)
            world.started[launch.call.key] = now
        run = decision.run
        if run.phase.is_terminal:
            return run
    raise AssertionError("the run never ended")


def check_launch(run: Run, key: AttemptKey, world: World) -> None:
    assert key not in world.started, "one attempt was launched twice"
    for name in run.workflow.steps[key.step].depends_on:
        before = run.steps[name]
        tolerated = before.phase is Phase.FAILED and run.workflow.steps[name].continue_on_failure
        assert before.phase is Phase.SUCCEEDED or tolerated, f"{key.step} started before {name} ended well"


@given(workflows(), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 5))
@examples(300)
def test_every_run_ends_in_order_and_within_its_limits(made, seed, order, slots):
    run = carry_on(run_of(made), World(seed), random.Random(order), slots)
    for name, step in run.steps.items():
        assert step.phase.is_terminal
        assert len(step.attempts) <= made.steps[name].retry.limit + 1
        assert [a.number for a in step.attempts] == list(range(1, len(step.attempts) + 1))
        if step.phase is Phase.SKIPPED:
            assert step.reason
            assert step.message
            assert not step.attempts or run.cancelling
    assert run.finished_at is not None


@given(workflows(), st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=2, max_size=4))
@examples(200)
def test_the_order_of_observations_does_not_change_the_end(made, seed, orders):
    """Without time limits, which do depend on when somebody looks, only the fates decide."""
    steps = {name: replace(step, timeout=None) for name, step in made.steps.items()}
    made = replace(made, timeout=None, steps=steps)
    ends = []
    for order in orders:
        run = carry_on(run_of(made), World(seed), random.Random(order), slots=4)
        ends.append(
            (
                run.phase,
                run.reason,
                run.message,
                {n: (s.phase, s.reason, s.message) for n, s in run.steps.items()},
            )
        )
    assert all(end == ends[0] for end in ends)


@given(workflows(), st.integers(0, 10**6), st.integers(0, 60))
@examples(200)
def test_a_run_recovered_from_traces_at_any_moment_ends_as_if_undisturbed(made, seed, moment):
    steps = {name: replace(step, timeout=None) for name, step in made.steps.items()}
    made = replace(made, timeout=None, steps=steps)
    undisturbed = carry_on(run_of(made), World(seed), random.Random(1), slots=4)
    world = World(seed)
    run = run_of(made)
    for turn in range(moment):
        now = turn * 0.5
        run = transition.advance(run, {k: world.look(k, now) for k in transition.live_keys(run)}, at(now))
        decision = plan.decide(run, at(now), 4 - len(transition.live_keys(run)))
        world.started.update({launch.call.key: now for launch in decision.launches})
        run = decision.run
    seen = {key: world.look(key, moment * 0.5) for key in world.started}
    recovered = transition.recover(run_of(made), seen, at(moment * 0.5))
    end = carry_on(recovered, world, random.Random(2), slots=100)
    assert end.phase is undisturbed.phase
    for name, step in end.steps.items():
        assert (step.phase, len(step.attempts)) == (
            undisturbed.steps[name].phase,
            len(undisturbed.steps[name].attempts),
        )
    assert all(o.status is not Status.MISSING for o in seen.values())
