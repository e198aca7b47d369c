"""A ledger to look at: sample runs, committed by real git in a directory of their own.

python -m tests.ledger.sample DIR          the small ledger that docs/ledger.md shows
python -m tests.ledger.sample --docs       write the real output into docs/ledger.md
python -m tests.ledger.sample --measure    size of a run in a ledger of 2,000
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

from reconciler.ledger.commits import Tip, commits
from reconciler.ledger.record import Record, to_record
from reconciler.model.ledger import LedgerCommit
from reconciler.model.run import Artifact, Attempt, Outputs, Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import FailureClass, Step, Workflow

BRANCH = "runs"
STORE = "https://artifacts.example.com/reconciler/"
ORDER = ("prepare", "train", "score", "report")
START = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)

_environment = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "GIT_PAGER": "cat",
}


def git(directory: Path, *arguments: str, stdin: bytes = b"") -> str:
    """What git prints; an error is an error."""
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments],
        input=stdin,
        env=_environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


def shell(directory: Path, command: str) -> str:
    """What a command line prints, as a person would type it in `directory`."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=directory, env=_environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def new_ledger(directory: Path, made: Iterable[LedgerCommit]) -> Path:
    """A bare repository whose branch `runs` holds the commits."""
    git(directory, "init", "-q", "--bare", "--template=", f"--initial-branch={BRANCH}", ".")
    git(directory, "fast-import", "--quiet", stdin=b"".join(_stream(made)))
    return directory


def _stream(made: Iterable[LedgerCommit]) -> Iterator[bytes]:
    for commit in made:
        message = commit.message.encode()
        who = b"reconciler <reconciler@example.com> %d +0000" % commit.when
        yield b"commit refs/heads/%s\n" % BRANCH.encode()
        yield b"author %s\ncommitter %s\ndata %d\n%s\n" % (who, who, len(message), message)
        for path, content in commit.files.items():
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)


def runs(workflows: Sequence[str], count: int, steps: int = 4, seed: int = 7) -> list[Record]:
    """Records of `count` runs, in the order in which they ended: hashes and times as random as real ones."""
    chance = Random(seed)
    numbers = dict.fromkeys(workflows, 0)
    records, now, revision = [], START, _hex(chance, 40)
    for _ in range(count):
        name = chance.choice(list(workflows))
        numbers[name] += 1
        now += timedelta(milliseconds=chance.randrange(60_000, 9_000_000))
        if chance.random() < 0.2:
            revision = _hex(chance, 40)
        run = _run(chance, name, numbers[name], revision, now, ORDER[:steps])
        records.append(to_record(run, {key: STORE + key for key in _keys(run)}))
    return sorted(records, key=lambda record: record["finishedAt"])


def _run(chance: Random, name: str, number: int, revision: str, start: datetime, order: Sequence[str]) -> Run:
    digest = "sha256:" + sha256(name.encode() + bytes([number // 10])).hexdigest()
    trigger = Trigger(TriggerKind.CHANGE)
    if number % 3 == 0:
        trigger = Trigger(TriggerKind.SCHEDULE, start.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:00Z"))
    identity = sha256(f"{name} {number} {revision}".encode()).hexdigest()[:8]
    run = Run(
        id=f"{name}-{number}-{identity}",
        name=name,
        number=number,
        revision=revision,
        digest=digest,
        trigger=trigger,
        created_at=start,
        path=f"workflows/{name}.yaml",
        workflow=Workflow(
            name, {}, steps={s: Step(s, depends_on=order[:i][-1:]) for i, s in enumerate(order)}
        ),
        parameters={"epochs": 5, "region": "eu"},
        parts=_parts(name, number // 10),
        started_at=start + timedelta(milliseconds=chance.randrange(5, 40)),
    )
    failing = chance.choice(order) if chance.random() < 0.15 else None
    return _ended(_with_steps(chance, run, order, failing))


def _with_steps(chance: Random, run: Run, order: Sequence[str], failing: str | None) -> Run:
    now, broken = run.started_at, False
    assert now is not None
    for name in order:
        if broken:
            skipped = StepRun(
                name, Phase.SKIPPED, "UpstreamFailed", f"step '{failing}' failed", finished_at=now
            )
            run = run.with_step(skipped)
            continue
        step = StepRun(name)
        tries = 2 if name == failing else 1
        for number in range(1, tries + 1):
            attempt = _attempt(chance, run, name, number, now, name == failing)
            now = attempt.finished_at + timedelta(milliseconds=chance.randrange(4, 30))
            step = step.with_attempt(attempt)
        last = step.attempts[-1]
        step = replace(
            step, phase=last.phase, reason=last.reason, message=last.message, finished_at=last.finished_at
        )
        run, broken = run.with_step(step), name == failing
    return run


def _attempt(chance: Random, run: Run, step: str, number: int, now: datetime, fails: bool) -> Attempt:
    prefix = f"runs/{run.name}/{run.id}/{step}/{number}/"
    started = now + timedelta(milliseconds=chance.randrange(2, 20))
    attempt = Attempt(
        number=number,
        created_at=now,
        phase=Phase.SUCCEEDED,
        started_at=started,
        finished_at=started + timedelta(milliseconds=chance.randrange(800, 90_000)),
        exit_code=0,
        log=Artifact(
            "log", f"{prefix}log.txt", chance.randrange(200, 9000), _hex(chance, 64), "file", "text/plain"
        ),
    )
    if fails:
        return replace(
            attempt,
            phase=Phase.FAILED,
            reason="ExitCode",
            message="exit code 1",
            failure=FailureClass.FAILURE,
            exit_code=1,
        )
    return replace(attempt, outputs=_given(chance, prefix, step))


def _given(chance: Random, prefix: str, step: str) -> Outputs:
    def stored(name: str, kind: str) -> dict[str, Artifact]:
        key = f"{prefix}artifacts/{name}"
        return {name: Artifact(name, key, chance.randrange(900, 5_000_000), _hex(chance, 64), "file", kind)}

    match step:
        case "prepare":
            return Outputs({"rows": chance.randrange(9000, 12000)}, stored("customers", "text/csv"))
        case "train":
            return Outputs({}, stored("model", "application/json"))
        case "score":
            return Outputs({"accuracy": round(chance.uniform(0.7, 0.99), 4)})
    return Outputs({}, stored("chart", "image/svg+xml"))


def _ended(run: Run) -> Run:
    ended = replace(run, finished_at=max(step.finished_at for step in run.steps.values() if step.finished_at))
    failed = [step for step in run.steps.values() if step.phase is Phase.FAILED]
    if failed:
        message = f"step {failed[0].name}: ExitCode: exit code 1"
        return replace(ended, phase=Phase.FAILED, reason="StepFailed", message=message)
    given = {name: run.steps[name].outputs for name in ("train", "score") if name in run.steps}
    outputs = Outputs(
        given["score"].parameters if "score" in given else {},
        given["train"].artifacts if "train" in given else {},
    )
    return replace(ended, phase=Phase.SUCCEEDED, outputs=outputs)


def _parts(name: str, edition: int) -> dict[str, str]:
    """Hashes of some forty fields; one of them changes with each edition of the definition."""
    fields = [f"spec.steps.{s}.{f}" for s in ORDER for f in ["command", "files", "outputs", "needs"]]
    parts = {path: sha256(f"{name}{path}".encode()).hexdigest()[:12] for path in fields}
    return parts | {"spec.steps.train.command": sha256(f"{name}{edition}".encode()).hexdigest()[:12]}


def _keys(run: Run) -> Iterator[str]:
    for step in run.steps.values():
        for attempt in step.attempts:
            yield from (artifact.key for artifact in attempt.outputs.artifacts.values())
            if attempt.log:
                yield attempt.log.key


def _hex(chance: Random, digits: int) -> str:
    return f"{chance.getrandbits(digits * 4):0{digits}x}"


def documented(directory: Path) -> Path:
    """The ledger that the documentation shows."""
    return new_ledger(directory, commits(runs(["churn", "ingest", "train"], 24), Tip()))


def measure(steps: int, count: int = 2000, workflows: int = 50) -> str:
    """Bytes a run after a full repack: pack and index; and the commit-graph with its Bloom filters."""
    records = runs([f"wf-{number:03d}" for number in range(workflows)], count, steps)
    with tempfile.TemporaryDirectory() as name:
        directory = new_ledger(Path(name), commits_in_pushes(records))
        git(directory, "repack", "-a", "-d", "-f", "-q")
        packed = sum(file.stat().st_size for file in directory.glob("objects/pack/*.*"))
        git(directory, "commit-graph", "write", "--reachable", "--changed-paths")
        graph = (directory / "objects/info/commit-graph").stat().st_size
    return f"| {steps} | {packed / count:,.0f} B | {graph / count:,.0f} B |"


def commits_in_pushes(records: Sequence[Record], push: int = 5) -> list[LedgerCommit]:
    """As a pass every few minutes would make them: some runs a push, each push with its overview."""
    made: list[LedgerCommit] = []
    tip = Tip()
    for start in range(0, len(records), push):
        made += commits(records[start : start + push], tip)
        tip = tip.after(records[start : start + push])
    return made


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        print("\n".join(measure(steps) for steps in (1, 2, 4)))
    elif sys.argv[1:] == ["--docs"]:
        from tests.ledger import blocks

        blocks.rewrite(Path("docs/ledger.md"))
    else:
        documented(Path(sys.argv[1]))
