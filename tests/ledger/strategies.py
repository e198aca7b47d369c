"""Runs of any shape for property tests: arbitrary text wherever text is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from reconciler.model.run import Artifact, Attempt, Outputs, Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import FailureClass

hostile = st.sampled_from(
    [
        "\nPhase: Succeeded",
        "\n\nSigned-off-by: Mallory <m@example.com>\n",
        "\r\nRun-Id: forged",
        "---\n",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\u202egnp.exe",
        "\u2066isolated\u2069",
        "\x85next\u2028line\u2029paragraph",
        "\x00",
        "\ud800",
        "[skip ci]",
        "[CI Skip]",
        "***NO_CI***",
        "@everyone",
        "fixes #12",
        "GH-12",
        "fixes https://forge.example.com/o/r/issues/12",
        " led and trailed ",
        r"\x41\n\\",
        "`code` | cell",
        "](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "true",
        '"quoted"',
    ]
)
text = st.one_of(
    st.text(max_size=40), hostile, st.tuples(st.text(max_size=8), hostile, st.text(max_size=8)).map("".join)
)
name = text.filter(bool)
moment = st.integers(0, 4_000_000_000_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
artifact = st.builds(
    Artifact,
    name=name,
    key=name,
    size=st.integers(0, 2**50),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    form=st.sampled_from(["file", "tar", "files"]),
    content_type=name,
    executable=st.booleans(),
)
outputs = st.builds(
    Outputs,
    parameters=st.dictionaries(name, value, max_size=3),
    artifacts=st.dictionaries(name, artifact, max_size=3),
)


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            number=number,
            created_at=draw(moment),
            phase=draw(st.sampled_from([phase for phase in Phase if phase is not Phase.SUSPENDED])),
            reason=draw(text),
            message=draw(text),
            failure=draw(st.none() | st.sampled_from(FailureClass)),
            cancelling=draw(text),
            started_at=draw(st.none() | moment),
            finished_at=draw(st.none() | moment),
            exit_code=draw(st.none() | st.integers(0, 255)),
            log=draw(st.none() | artifact),
            outputs=draw(outputs),
        )
        for number in range(1, draw(st.integers(0, 2)) + 1)
    )


@st.composite
def steps(draw: st.DrawFn) -> StepRun:
    tried = draw(attempts())
    phase = draw(st.sampled_from([phase for phase in Phase if phase is not Phase.SUSPENDED]))
    ended = draw(moment) if phase.is_terminal else None
    return StepRun(
        name=draw(name),
        phase=phase,
        reason=draw(text),
        message=draw(text),
        attempts=tried,
        not_before=draw(st.none() | moment),
        finished_at=draw(st.sampled_from([ended, tried[-1].finished_at or ended]))
        if tried and ended
        else ended,
    )


@st.composite
def runs(draw: st.DrawFn) -> Run:
    made = {step.name: step for step in draw(st.lists(steps(), max_size=3))}
    own = [a for s in made.values() for t in s.attempts for a in t.outputs.artifacts.values()]
    results = draw(outputs)
    if own:
        results = Outputs(results.parameters, {**results.artifacts, "own": draw(st.sampled_from(own))})
    return Run(
        id=draw(name),
        name=draw(name),
        number=draw(st.integers(0, 10**6)),
        revision=draw(name),
        digest=draw(name),
        trigger=Trigger(draw(st.sampled_from(TriggerKind)), draw(text)),
        created_at=draw(moment),
        path=draw(text),
        parameters=draw(st.dictionaries(name, value, max_size=3)),
        parts=draw(st.dictionaries(name, text, max_size=3)),
        phase=draw(st.sampled_from(Phase)),
        reason=draw(text),
        message=draw(text),
        cancelling=draw(text),
        started_at=draw(st.none() | moment),
        finished_at=draw(st.none() | moment),
        steps=made,
        outputs=results,
    )
