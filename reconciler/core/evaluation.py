"""What an expression gives, for values that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core import cel
from reconciler.core.embedded import ExpressionFailed
from reconciler.core.rewrite import Scan, Variable, scan
from reconciler.core.scope import Scope
from reconciler.core.size import Size, ValueRefused, measure
from reconciler.core.token import SPACE
from reconciler.core.values import coerce, type_of
from reconciler.core.weight import excess
from reconciler.model.workflow import Value


def evaluate(source: str, values: Mapping[str, Any], scope: Scope | None = None) -> Value:
    """The value of an expression; raises ExpressionFailed, and nothing else, when it has none.

    `values` is {"parameters": {...}, "steps": {name: {"phase": ..., "outputs": {...}}}, "inputs": {...},
    "run": {...}, "workflow": {...}}. Types are those of `scope`, or without one the values' own. What is
    not there fails only if it is needed: `has(steps.a.outputs.x) && steps.a.outputs.x > 1` is a boolean.
    """
    try:
        return _evaluate(source, values, scope)
    except ValueRefused as refused:
        raise ExpressionFailed(f"{_quoted(source)} has no usable value: {refused}.") from refused


@dataclass(slots=True)
class _Bindings:
    """What the variables of a rewritten expression are: values where there are any, types and sizes."""

    data: dict[str, Value] = field(default_factory=dict)
    types: list[tuple[str, str | None]] = field(default_factory=list)
    sizes: dict[str, Size] = field(default_factory=dict)


def _evaluate(source: str, values: Mapping[str, Any], scope: Scope | None) -> Value:
    scanned = scan(source)
    for problem in scanned.problems:
        raise ExpressionFailed(f"{_quoted(source)}: {problem.message}", problem.offset)
    bound = _bind(scanned, values, scope)
    alone = scanned.text.strip(SPACE)
    if alone in bound.data:  # nothing but a reference: what it refers to, untouched
        return bound.data[alone]
    compiled = cel.compile_source(scanned.text, tuple(bound.types))
    if not isinstance(compiled, cel.Compiled):
        message = scanned.restored(compiled[0].message)
        raise ExpressionFailed(f"{_quoted(source)}: {message}", compiled[0].offset)
    if reason := excess(scanned.text, bound.sizes):
        raise ExpressionFailed(f"{_quoted(source)}: {reason}")
    outcome = cel.run(compiled, bound.data)
    if isinstance(outcome, cel.Failure):
        reason = _why_missing(outcome, scanned, values) or outcome.message
        raise ExpressionFailed(f"{_quoted(source)}: {reason}")
    return outcome


def _bind(scanned: Scan, values: Mapping[str, Any], scope: Scope | None) -> _Bindings:
    bound = _Bindings()
    for variable in scanned.variables:
        found, value = _look_up(variable, values)
        own = type_of(value) if found else None
        declared = scope.type_of(variable) if scope else own
        bound.types.append((variable.name, declared))
        bound.sizes[variable.name] = measure(value)
        if found:
            bound.data[variable.name] = _typed(value, declared, variable)
    return bound


def _look_up(variable: Variable, values: Mapping[str, Any]) -> tuple[bool, Value]:
    reference = variable.reference
    if reference is None:
        return False, None
    value: Any = values.get(reference.root, {})
    for name in reference.path:
        if not isinstance(value, Mapping) or name not in value:
            return (True, False) if variable.asked else (False, None)
        value = value[name]
    return True, (True if variable.asked else value)


def _typed(value: Value, declared: str | None, variable: Variable) -> Value:
    """The library takes 1 for true and cuts what it does not expect: types are compared before."""
    value = coerce(value, declared)
    if declared not in (None, type_of(value)):
        found = type_of(value) or "null"
        raise ValueRefused(f"{variable.reference} must be of type {declared}, and is {found}")
    return value


def _why_missing(failure: cel.Failure, scanned: Scan, values: Mapping[str, Any]) -> str | None:
    """The reference behind the variable that had no value, and what became of its step."""
    reference = next((v.reference for v in scanned.variables if v.name == failure.missing), None)
    if reference is None:
        return None
    step = values.get("steps", {}).get(reference.path[0], {}) if reference.root == "steps" else {}
    phase = f" (step '{reference.path[0]}' is {step['phase']})" if step.get("phase") else ""
    return f"{reference} has no value{phase}."


def _quoted(source: str) -> str:
    line = " ".join(source[:200].split())
    return f"`{line}`" if len(line) <= 60 else f"`{line[:57]}...`"
