"""Steps that have nothing to run, and times that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.definition import duration
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path
from reconciler.model.workflow import Backoff

_RUNNABLE = frozenset({"command", "script", "image", "manifest"})


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about what steps run, and about every duration."""
    yield from _timeout(("spec",), subject.spec)
    yield from _times(("spec", "defaults"), subject.defaults)
    for name, step in subject.steps.items():
        path: Path = ("spec", "steps", name)
        yield from _times(path, step)
        if (
            _RUNNABLE.isdisjoint(step)
            and "image" not in subject.defaults
            and not subject.doubt.about("steps", name)
            and ("spec", "defaults") not in subject.doubt.touched
        ):
            message = f"Step '{name}' has nothing to run: it needs a 'command', a 'script' or an 'image'."
            yield Finding(path, "NothingToRun", message, at_key=True)


def _times(path: Path, step: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _timeout(path, step)
    backoff = step.get("retry", {}).get("backoff", {})
    if "maximum" in backoff:
        initial = duration.seconds(backoff["initial"]) if "initial" in backoff else Backoff().initial
        if duration.seconds(backoff["maximum"]) < initial:
            message = "The longest wait is shorter than the first."
            yield Finding((*path, "retry", "backoff", "maximum"), "Contradiction", message)


def _timeout(path: Path, holder: Mapping[str, Any]) -> Iterator[Finding]:
    if "timeout" in holder and duration.seconds(holder["timeout"]) <= 0:
        yield Finding((*path, "timeout"), "OutOfRange", "Must be longer than nothing.")
