"""Arbitrary values of the model for hypothesis: any run that may have to be kept, and what may become of it.

Workflows are bare documents here (`bare`), as whoever keeps a run only carries its definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from reconciler.model.run import Artifact, Attempt, Outputs, Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import FailureClass, Workflow

names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
moments = st.integers(0, 2 * 10**15).map(
    lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
texts = st.text(st.characters(codec="utf-8"), max_size=40)
reasons = st.sampled_from(("", "ExitCode", "TimedOut", "UpstreamFailed", "Cancelled"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
artifacts = st.builds(
    Artifact,
    name=texts,
    key=texts,
    size=st.integers(0, 2**63 - 1),
    sha256=hexes,
    form=st.sampled_from(("file", "tar", "files")),
    content_type=texts,
    executable=st.booleans(),
)
outputs = st.builds(
    Outputs,
    parameters=st.dictionaries(identifiers, values, max_size=3),
    artifacts=st.dictionaries(identifiers, artifacts, max_size=3),
)
step_phases = st.sampled_from([phase for phase in Phase if phase is not Phase.SUSPENDED])


def attempts(number: int) -> st.SearchStrategy[Attempt]:
    """The attempt of that number, in whatever state."""
    return st.builds(
        Attempt,
        number=st.just(number),
        created_at=moments,
        phase=step_phases,
        reason=reasons,
        message=texts,
        failure=st.none() | st.sampled_from(FailureClass),
        cancelling=reasons,
        started_at=st.none() | moments,
        finished_at=st.none() | moments,
        exit_code=st.none() | st.integers(0, 255),
        log_tail=texts,
        log=st.none() | artifacts,
        outputs=outputs,
    )


@st.composite
def step_runs(draw: st.DrawFn, name: str) -> StepRun:
    count = draw(st.integers(0, 3))
    return StepRun(
        name=name,
        phase=draw(step_phases),
        reason=draw(reasons),
        message=draw(texts),
        attempts=tuple(draw(attempts(number + 1)) for number in range(count)),
        not_before=draw(st.none() | moments),
        finished_at=draw(st.none() | moments),
    )


def bare(document: Mapping[str, Any]) -> Workflow:
    """A workflow that is nothing but its document."""
    return Workflow(name=str(document["name"]), document=document)


@st.composite
def runs(
    draw: st.DrawFn,
    phases: st.SearchStrategy[Phase] = st.sampled_from(Phase),  # noqa: B008
    run_names: st.SearchStrategy[str] = names,
) -> Run:
    """A run with everything that it can have, in whatever state."""
    name, number = draw(run_names), draw(st.integers(1, 10**6))
    step_names = draw(st.lists(names, max_size=4, unique=True))
    document = draw(st.dictionaries(texts, values, max_size=2)) | {"name": name}
    return Run(
        id=f"{name}-{number}-{draw(hexes)[:8]}",
        name=name,
        number=number,
        revision=draw(hexes)[:40],
        digest="sha256:" + draw(hexes),
        trigger=Trigger(
            draw(st.sampled_from(TriggerKind)), draw(st.sampled_from(("", "2026-01-01T00:00:00Z")))
        ),
        created_at=draw(moments),
        path=draw(texts),
        workflow=draw(st.none() | st.just(bare(document))),
        parameters=draw(st.dictionaries(identifiers, values, max_size=2)),
        bundles=draw(st.dictionaries(names, artifacts, max_size=2)),
        parts=draw(st.dictionaries(texts, texts, max_size=2)),
        phase=draw(phases),
        reason=draw(reasons),
        message=draw(texts),
        cancelling=draw(reasons),
        started_at=draw(st.none() | moments),
        finished_at=draw(st.none() | moments),
        steps={step: draw(step_runs(step)) for step in step_names},
        outputs=draw(outputs),
    )


@st.composite
def successors(draw: st.DrawFn, run: Run) -> Run:
    """What may have become of `run` a tick later: some of its values replaced, the others the very same."""
    if draw(st.booleans()):
        run = replace(run, phase=draw(st.sampled_from(Phase)), message=draw(texts), outputs=draw(outputs))
    for name in run.steps:
        change = draw(st.sampled_from(("none", "step", "attempt")))
        if change == "step":
            run = run.with_step(draw(step_runs(name)))
        elif change == "attempt":
            number = draw(st.integers(1, len(run.steps[name].attempts) + 1))
            run = run.with_step(run.steps[name].with_attempt(draw(attempts(number))))
    return run
