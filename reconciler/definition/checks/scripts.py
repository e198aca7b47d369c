"""Scripts that the kernel could not run: the `#!` line of a file from another system."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about the first line of every script that is run by it."""
    for name, step in subject.steps.items():
        script = step.get("script", "")
        first = script.partition("\n")[0]
        if first.startswith("#!") and first.endswith("\r") and "interpreter" not in step:
            message = (
                "The '#!' line ends in a carriage return, which would be part of the interpreter's name. "
                "End lines with a line feed alone."
            )
            at = len(first) - 1
            yield Finding(("spec", "steps", name, "script"), "ScriptRefused", message, text=script, offset=at)
