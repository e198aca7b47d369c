"""Secrets that would meet each other, or a variable that is set already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about the variables of secrets; their paths are looked at with all others."""
    usual = subject.defaults.get("env", {})
    for name, step in subject.steps.items():
        taken: dict[str, str] = {}
        for index, secret in enumerate(step.get("secrets", ())):
            if "env" not in secret:
                continue
            path: Path = ("spec", "steps", name, "secrets", index, "env")
            variable = secret["env"]
            if variable in taken:
                message = f"The variable {variable} is also that of secret '{taken[variable]}'."
                yield Finding(path, "Duplicate", message)
            elif holder := _holder(variable, step.get("env", {}), usual):
                message = f"The variable {variable} is also set in `{holder}`. Take it out there."
                yield Finding(path, "Contradiction", message)
            taken.setdefault(variable, secret["from"])


def _holder(variable: str, own: Mapping[str, str], usual: Mapping[str, str]) -> str | None:
    """Where the variable is set."""
    for holder, names in (("env", own), ("defaults.env", usual)):
        if variable in names:
            return holder
    return None
