"""Times that never come, zones that are nowhere, patterns that cannot match."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from reconciler.core import schedule
from reconciler.definition import globs
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding

MAX_WILDCARDS = 100
"""Different patterns with wildcards in one workflow: each is compared with the whole listing."""


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about `spec.on`, and about the patterns of `on.paths` and of steps."""
    on = subject.spec.get("on", {})
    yield from _schedules(on.get("schedule", ()))
    wild: set[str] = set()
    for index, pattern in enumerate(on.get("paths", ())):
        yield from _pattern(("spec", "on", "paths", index), pattern, wild)
    for name, step in subject.steps.items():
        for index, pattern in enumerate(step.get("files", ())):
            yield from _pattern(("spec", "steps", name, "files", index), pattern, wild)


def _schedules(lines: Any) -> Iterator[Finding]:
    seen: list[Any] = []
    for index, line in enumerate(lines):
        path = ("spec", "on", "schedule", index)
        if line in seen:
            yield Finding(path, "Duplicate", "The same schedule stands here twice.")
        seen.append(line)
        if message := _cron_problem(line["cron"], "UTC"):
            yield Finding((*path, "cron"), "ScheduleInvalid", message)
        elif "timezone" in line and (message := _cron_problem(line["cron"], line["timezone"])):
            yield Finding((*path, "timezone"), "ScheduleInvalid", message)


@lru_cache(maxsize=4096)
def _cron_problem(cron: str, timezone: str) -> str | None:
    return schedule.problem(cron, timezone)


def _pattern(path: tuple[str | int, ...], pattern: str, wild: set[str]) -> Iterator[Finding]:
    if message := globs.problem(pattern):
        yield Finding(path, "PatternInvalid", message)
    if not globs.is_literal(pattern) and pattern not in wild:
        wild.add(pattern)
        if len(wild) == MAX_WILDCARDS + 1:
            message = f"A workflow may have at most {MAX_WILDCARDS} different patterns with wildcards."
            yield Finding(path, "TooManyPatterns", message)
