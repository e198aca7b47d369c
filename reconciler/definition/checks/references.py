"""Steps and outputs that are named but not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.suggest import did_you_mean
from reconciler.definition.checks.doubt import Doubt
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about `needs`, about the `from` of inputs, and about the artifacts of the workflow."""
    steps, doubt = subject.steps, subject.doubt
    for name, step in steps.items():
        path: Path = ("spec", "steps", name)
        for index, need in enumerate(step.get("needs", ())):
            if message := _step_problem(need, name, steps, doubt):
                yield Finding((*path, "needs", index), "UnknownStep", message)
        for kind, inputs in step.get("inputs", {}).items():
            for input_name, given in inputs.items():
                if isinstance(given, Mapping) and "from" in given:
                    at = (*path, "inputs", kind, input_name, "from")
                    yield from _output(at, given["from"], kind, name, steps, doubt)
    for name, source in subject.spec.get("outputs", {}).get("artifacts", {}).items():
        yield from _output(("spec", "outputs", "artifacts", name), source, "artifacts", None, steps, doubt)


def _step_problem(needed: str, name: str | None, steps: Mapping[str, Any], doubt: Doubt) -> str | None:
    if needed == name:
        return f"Step '{name}' cannot wait for itself."
    if needed in steps or doubt.names_in("steps"):
        return None
    return f"No step is called '{needed}'.{did_you_mean(needed, steps)}"


def _output(
    path: Path, source: str, kind: str, name: str | None, steps: Mapping[str, Any], doubt: Doubt
) -> Iterator[Finding]:
    step, _, output = source.partition("/")
    if message := _step_problem(step, name, steps, doubt):
        yield Finding(path, "UnknownStep", message)
        return
    declared = steps.get(step, {}).get("outputs", {})
    if step not in steps or output in declared.get(kind, {}) or doubt.about("steps", step):
        return
    word, other = ("artifact", "parameters") if kind == "artifacts" else ("parameter", "artifacts")
    hint = did_you_mean(output, declared.get(kind, {}))
    if output in declared.get(other, {}):
        hint = f" Among its {other} is one of that name."
    yield Finding(path, "UnknownOutput", f"Step '{step}' has no output {word} '{output}'.{hint}")
