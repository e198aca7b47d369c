"""A state database to look at: a week of two workflows, one run of which is still open.

python -m tests.state.sample DIR       the database that docs/state.md shows
python -m tests.state.sample --docs    write the real output into docs/state.md
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from reconciler.model.problem import Problem
from reconciler.model.run import Artifact, Attempt, Outputs, Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import FailureClass
from reconciler.state.store import State
from tests.state.samples import entry, update
from tests.strategies import bare

MONDAY = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
ORDER = ("prepare", "train", "report")

_block = re.compile(r"(?ms)^```console\n(.*?)^```$")


def documented(directory: Path) -> Path:
    """The database that the documentation shows, in `directory`; returns `directory`."""
    runs = [_run(name, number) for number in range(1, 6) for name in ("churn", "ingest")]
    *ended, last = sorted(runs, key=lambda run: run.created_at)
    problem = Problem(
        "workflows/forecast.yaml",
        14,
        7,
        "$.spec.steps.fit.comand",
        "UnknownKey",
        "unknown key; did you mean 'command'?",
    )
    with State.open(directory / "state.db", parse=bare) as state:
        entries = [replace(entry(name), digest=_hex(name)) for name in ("churn", "ingest", "publish")]
        state.apply_catalog(replace(update(*entries), problems_set={problem.path: (problem,)}))
        state.record(
            [*(_with_steps(run) for run in ended), replace(_with_steps(last, until=1), phase=Phase.RUNNING)]
        )
        state.mark_published({run.id: _hex(run.id)[7:47] for run in ended[:-1]})
    return directory


def shell(directory: Path, command: str) -> str:
    """What a command line prints, as a person would type it in `directory`."""
    path = f"{Path(sys.executable).parent}:{os.defpath}"
    environment = {"PATH": path, "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=directory, env=environment, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def commands(document: str) -> list[tuple[str, str]]:
    """Each command line of the document's console blocks, with the output that stands below it."""
    parts = [part for block in _block.findall(document) for part in re.split(r"(?m)^\$ ", block)[1:]]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def rewrite(path: Path) -> None:
    """Put what the commands print now into the document."""
    with tempfile.TemporaryDirectory() as name:
        directory = documented(Path(name))

        def fresh(match: re.Match[str]) -> str:
            shown = (f"$ {command}\n{shell(directory, command)}" for command, _ in commands(match[0]))
            return f"```console\n{''.join(shown)}```"

        path.write_text(_block.sub(fresh, path.read_text()))


def _run(name: str, number: int) -> Run:
    created = MONDAY + timedelta(days=number - 1, hours=2 if name == "churn" else 0)
    scheduled = Trigger(TriggerKind.SCHEDULE, created.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return Run(
        id=f"{name}-{number}-{_hex(f'{name} {number}')[7:15]}",
        name=name,
        number=number,
        revision=_hex(f"revision {number // 3}")[7:47],
        digest=_hex(name),
        trigger=Trigger(TriggerKind.CHANGE) if number == 1 else scheduled,
        created_at=created,
        path=f"workflows/{name}.yaml",
        workflow=bare({"name": name}),
        parameters={"epochs": 5} if name == "churn" else {},
        started_at=created + timedelta(milliseconds=41),
        steps={step: StepRun(step) for step in ORDER},
    )


def _with_steps(run: Run, until: int = len(ORDER)) -> Run:
    """The first `until` steps have ended; `churn #3` fails at `train`, twice."""
    now = run.created_at
    failing = "train" if run.title == "churn #3" else None
    for step in ORDER[:until]:
        attempts = []
        for number in (1, 2) if step == failing else (1,):
            attempt = _attempt(run, step, number, now, fails=step == failing)
            attempts.append(attempt)
            now = attempt.finished_at or now
        phase = attempts[-1].phase
        run = run.with_step(
            StepRun(step, phase, attempts[-1].reason, attempts[-1].message, tuple(attempts), None, now)
        )
        if phase is Phase.FAILED:
            skipped = StepRun("report", Phase.SKIPPED, "UpstreamFailed", "step 'train' failed", (), None, now)
            return replace(run.with_step(skipped), phase=Phase.FAILED, reason="StepFailed", finished_at=now)
    return replace(run, phase=Phase.SUCCEEDED, finished_at=now) if until == len(ORDER) else run


def _attempt(run: Run, step: str, number: int, now: datetime, fails: bool) -> Attempt:
    finished = now + timedelta(seconds=5 + int(_hex(f"{run.id} {step} {number}")[7:9], 16) / 4)
    prefix = f"runs/{run.name}/{run.id}/{step}/{number}/"
    artifact = {"prepare": "table", "train": "model", "report": "page"}[step]
    size = int(_hex(prefix)[7:12], 16)
    made = Artifact(artifact, prefix + f"artifacts/{artifact}", size, _hex(prefix)[7:])
    values = {"accuracy": round(0.85 + run.number / 100, 2)} if step == "train" else {}
    return Attempt(
        number=number,
        created_at=now,
        phase=Phase.FAILED if fails else Phase.SUCCEEDED,
        reason="ExitCode" if fails else "",
        message="exit code 1" if fails else "",
        failure=FailureClass.FAILURE if fails else None,
        started_at=now + timedelta(milliseconds=12),
        finished_at=finished,
        exit_code=int(fails),
        log_tail="MemoryError\n" if fails else "",
        outputs=Outputs() if fails else Outputs(values, {artifact: made}),
    )


def _hex(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--docs"]:
        rewrite(Path("docs/state.md"))
    else:
        documented(Path(sys.argv[1]))
