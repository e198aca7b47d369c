"""Declared values that contradict their own declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core import cel, values
from reconciler.definition import parse
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, clean
from reconciler.model.workflow import MISSING, Parameter

_NUMBERS = ("integer", "number")


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about `spec.parameters` and about the defaults of outputs."""
    declared = subject.spec.get("parameters", {})
    on = subject.spec.get("on", {})
    starts_itself = on.get("change", True) or bool(on.get("schedule"))
    for name, declaration in declared.items():
        path: Path = ("spec", "parameters", name)
        if subject.doubt.about("parameters", name):
            continue
        yield from _declaration(path, parse.parameter(name, declaration))
        if starts_itself and "default" not in declaration:
            message = (
                f"Parameter '{name}' needs a default: what starts this workflow by itself gives no values."
            )
            yield Finding(path, "ParameterWithoutValue", message, at_key=True)
    yield from _same_variable(declared, ("spec", "parameters"), "PARAM")
    for step_name, step in subject.steps.items():
        path = ("spec", "steps", step_name)
        given = step.get("inputs", {}).get("parameters", {})
        yield from _same_variable(given, (*path, "inputs", "parameters"), "INPUT")
        if not subject.doubt.about("steps", step_name):
            yield from _outputs(path, step.get("outputs", {}).get("parameters", {}))


def _declaration(path: Path, parameter: Parameter) -> Iterator[Finding]:
    is_number = parameter.type in _NUMBERS
    for key, value in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
        if value is not None and not is_number:
            yield Finding(
                (*path, key), "Contradiction", f"A value of type {parameter.type} has no {key}.", at_key=True
            )
    if (
        parameter.minimum is not None
        and parameter.maximum is not None
        and parameter.minimum > parameter.maximum
    ):
        yield Finding((*path, "minimum"), "Contradiction", "The minimum is larger than the maximum.")
    usable = parameter
    if parameter.pattern is not None and (wrong := _pattern_problem(parameter)):
        yield Finding((*path, "pattern"), "PatternInvalid", wrong)
        usable = replace(parameter, pattern=None)
    for index, value in enumerate(parameter.enum):
        if refused := values.accepts(value, replace(usable, enum=())):
            yield Finding((*path, "enum", index), "Contradiction", clean(refused))
            usable = replace(usable, enum=())
    if usable.default is not MISSING and (refused := values.accepts(usable.default, usable)):
        yield Finding((*path, "default"), "Contradiction", clean(refused))


def _pattern_problem(parameter: Parameter) -> str | None:
    if parameter.type != "string":
        return f"A value of type {parameter.type} has no pattern."
    matched = cel.full_match(parameter.pattern or "", "")
    return f"This is no regular expression: {clean(matched)}" if isinstance(matched, str) else None


def _outputs(path: Path, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    for name, output in outputs.items():
        if "default" in output:
            refused = values.accepts(output["default"], Parameter(name, output.get("type", "string")))
            if refused:
                yield Finding(
                    (*path, "outputs", "parameters", name, "default"), "Contradiction", clean(refused)
                )


def _same_variable(names: Mapping[str, Any], path: Path, prefix: str) -> Iterator[Finding]:
    """Names that differ in case alone would overwrite each other in the environment."""
    seen: dict[str, str] = {}
    for name in names:
        variable = values.env_name(prefix, name)
        if variable in seen:
            message = f"'{name}' and '{seen[variable]}' would both be the variable {variable}."
            yield Finding((*path, name), "Duplicate", message, at_key=True)
        seen.setdefault(variable, name)
