"""Repositories of any size, made in a moment: imported, because 10,000 files take git a while to add."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler import definition
from reconciler.ledger import commits, record
from reconciler.model.ledger import LedgerCommit
from reconciler.model.run import Attempt, Phase, Run, StepRun, Trigger, TriggerKind
from reconciler.model.workflow import Definition, SourceFile
from tests.factories import at
from tests.place import PERSON, Place

WHO = b"Ada <ada@example.com>"

STEP = """\
    {name}:
      command: [python3, -c, "print('{workflow} {name}')"]
      env: {{LEVEL: info, PART: "{number}"}}
      timeout: 5m
      retry: {{limit: 2, on: [infrastructure]}}
      outputs:
        parameters: {{rows: {{path: rows.txt, type: integer, default: 0}}}}
"""

HEAD = """\
apiVersion: reconciler/v1
kind: Workflow
metadata:
  name: {name}
  description: Clean what came in, and say what is left
spec:
  "on": {{change: {change}}}
  steps:
"""


def names(count: int) -> list[str]:
    return [f"w{number:05}" for number in range(count)]


def sizeable(name: str, *, change: bool = True) -> str:
    """A definition of about forty lines."""
    steps = []
    for number in range(5):
        needs = f"      needs: [part-{number - 1}]\n" if number else ""
        steps.append(STEP.format(workflow=name, name=f"part-{number}", number=number) + needs)
    return HEAD.format(name=name, change=str(change).lower()) + "".join(steps)


def steps_of_true(name: str, needs: Mapping[str, Iterable[str]]) -> str:
    """A definition whose steps run `true`."""
    lines = [f"    {step}: {{command: ['true'], needs: [{', '.join(of)}]}}\n" for step, of in needs.items()]
    return HEAD.format(name=name, change="true") + "".join(lines)


def fan(count: int) -> dict[str, list[str]]:
    return {f"s{number:04}": [] for number in range(count)}


def chain(count: int) -> dict[str, list[str]]:
    return {f"s{number:04}": [f"s{number - 1:04}"] * (number > 0) for number in range(count)}


def push(remote: Path, workflows: Mapping[str, str], branch: str = "main") -> None:
    """One commit that adds or replaces definitions, by name."""
    files = {f"workflows/{name}.yaml": text.encode() for name, text in workflows.items()}
    import_commits(remote, [LedgerCommit("Change workflows\n", int(time.time()), files)], branch)


def import_commits(remote: Path, made: Iterable[LedgerCommit], branch: str) -> None:
    """Put commits on a branch, in one process."""
    ref = f"refs/heads/{branch}".encode()
    there = (remote / ref.decode()).exists()
    with subprocess.Popen(
        ["git", f"--git-dir={remote}", "fast-import", "--quiet", "--force"],
        stdin=subprocess.PIPE,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **PERSON},
    ) as process:
        assert process.stdin is not None
        if there:
            process.stdin.write(b"reset %s\nfrom %s^0\n\n" % (ref, ref))
        process.stdin.writelines(_stream(made, ref))
        process.stdin.close()
        assert process.wait() == 0


def _stream(made: Iterable[LedgerCommit], ref: bytes) -> Iterator[bytes]:
    for commit in made:
        message = commit.message.encode()
        yield b"commit %s\ncommitter %s %d +0000\ndata %d\n%s\n" % (
            ref,
            WHO,
            commit.when,
            len(message),
            message,
        )
        for path, content in commit.files.items():
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)


def finished_run(defined: Definition, number: int, seconds: float = 0.0) -> Run:
    """A run of the definition that succeeded."""
    begun, ended = at(seconds), at(seconds + 5)
    attempt = Attempt(1, begun, Phase.SUCCEEDED, started_at=begun, finished_at=ended, exit_code=0)
    workflow = defined.workflow
    steps = {
        name: StepRun(name, Phase.SUCCEEDED, attempts=(attempt,), finished_at=ended)
        for name in workflow.steps
    }
    return Run(
        id=f"{workflow.name}-{number}-{number:08x}",
        name=workflow.name,
        number=number,
        revision="8f14e45fceea167a5a36dedd4bea2543c1b0a5f0",
        digest=defined.digest,
        trigger=Trigger(TriggerKind.CHANGE),
        created_at=begun,
        path=defined.path,
        workflow=workflow,
        parts=defined.parts,
        phase=Phase.SUCCEEDED,
        started_at=begun,
        finished_at=ended,
        steps=steps,
    )


def resolved(workflows: Mapping[str, str]) -> dict[str, Definition]:
    """The definitions in texts, by name, as a pass would see them."""
    verdicts = {
        f"workflows/{name}.yaml": definition.check_text(text.encode()) for name, text in workflows.items()
    }
    tree = {path: SourceFile(path, "0" * 40, False) for path in verdicts}
    found, problems = definition.resolve(verdicts, tree)
    assert not problems, problems[0]
    return dict(found)


def all_ran(workflows: Mapping[str, str]) -> list[LedgerCommit]:
    """The ledger's commits after every workflow has run once."""
    runs = [finished_run(each, 1, number) for number, each in enumerate(resolved(workflows).values())]
    return commits.commits([record.to_record(run, {}) for run in runs], commits.Tip())


def place(root: Path, **environment: str) -> Place:
    """An empty remote and an operator's settings, quiet unless something is wrong."""
    return Place(root, environment)
