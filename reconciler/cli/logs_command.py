"""`reconciler logs`: what a step wrote, from the store, or from the executor while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from reconciler import composition
from reconciler.artifacts.base import ArtifactStore
from reconciler.artifacts.stream import CHUNK, Measured, verify
from reconciler.cli.completion import workflow_names
from reconciler.cli.options import with_settings
from reconciler.cli.raw import writing
from reconciler.cli.recorded import asked, find_run, recorded
from reconciler.core.suggest import did_you_mean
from reconciler.errors import ReconcilerError
from reconciler.model.run import Artifact, Attempt, AttemptKey, Run
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler logs churn train                    of the newest run
  reconciler logs churn 12 train --attempt 1
  reconciler logs churn train -f                 until the step ends
"""

LOOK_AGAIN = 0.2
"""Seconds between two looks at a step that is followed."""


@click.command(epilog=EPILOG)
@click.argument("workflow", shell_complete=workflow_names)
@click.argument("rest", nargs=-1, required=True, metavar="[NUMBER] STEP")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="The latest if not given.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt ends.")
@with_settings
def command(
    settings: Settings, workflow: str, rest: tuple[str, ...], attempt: int | None, follow: bool
) -> None:
    """Print what a step of a run wrote to its output.

    Byte for byte into a file or a pipe; on a terminal with control characters made visible.
    """
    wanted = asked((workflow, *rest), most=1)
    if not wanted.rest:
        raise click.UsageError("Missing the name of a step.")
    with recorded(settings) as state, composition.open_executor(settings) as (store, executor):
        run = find_run(state, wanted)
        key = _key(run, wanted.rest[0], attempt)

        def look() -> Attempt | None:
            return _attempt(state.run_by_id(run.id) or run, key)

        with writing() as write:
            copy_log(look, lambda offset: executor.read_log(key, offset), store, write, follow=follow)


def copy_log(
    look: Callable[[], Attempt | None],
    read: Callable[[int], bytes],
    store: ArtifactStore,
    write: Callable[[bytes], None],
    *,
    follow: bool,
) -> None:
    """Write the log of the attempt that `look` sees: by `read` while it runs, from the store afterwards."""
    offset = 0
    while True:
        attempt = look()
        if attempt is not None and attempt.log is not None:
            _copy_stored(store, attempt.log, offset, write)
            return
        chunk = read(offset)
        if chunk:
            write(chunk)
            offset += len(chunk)
        elif attempt is not None and attempt.phase.is_terminal:
            write(b"" if offset else attempt.log_tail.encode())
            return
        elif follow:
            time.sleep(LOOK_AGAIN)
        else:
            return


def _copy_stored(store: ArtifactStore, log: Artifact, offset: int, write: Callable[[bytes], None]) -> None:
    """The rest of a stored log; the whole of one is compared with what was recorded."""
    with store.open(log.key, offset) as source:
        measured = Measured(source)
        while chunk := measured.read(CHUNK):
            write(chunk)
        if not offset:
            verify(f"The log {log.key}", measured.finish(), log.size, log.sha256)


def _key(run: Run, name: str, number: int | None) -> AttemptKey:
    """The attempt that was asked for; the first, where the step has not begun."""
    if name not in run.steps:
        raise ReconcilerError(f"{run.title} has no step '{name}'.{did_you_mean(name, run.steps)}")
    latest = run.steps[name].current
    return AttemptKey(run.id, name, number or (latest.number if latest else 1))


def _attempt(run: Run, key: AttemptKey) -> Attempt | None:
    """The attempt as it is now; None as long as it may still come."""
    step = run.steps[key.step]
    found = next((each for each in step.attempts if each.number == key.attempt), None)
    if found is None and step.phase.is_terminal:
        why = f" ({step.reason}: {step.message})" if step.reason else ""
        times = f"{len(step.attempts)} attempts" if step.attempts else "no attempt"
        raise ReconcilerError(f"{run.title}: {step.name}: {step.phase} with {times}{why}.")
    return found
