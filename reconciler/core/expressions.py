"""Expressions, `${{ ... }}`: find them in text, check them against what is declared, evaluate them.

The language is CEL. What may be referred to is in `Scope`; how a value becomes text is in `templates`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.core import cel
from reconciler.core.reference import ROOTS, ExpressionProblem, Reference, Scan, Variable, scan
from reconciler.core.suggest import did_you_mean
from reconciler.core.token import tokens
from reconciler.core.values import MAX_DEPTH, MAX_UNITS, ValueRefused, coerce, type_of, weigh
from reconciler.core.weight import TooHeavy, weight
from reconciler.model.workflow import Value

__all__ = [
    "MAX_SOURCE",
    "CheckResult",
    "Embedded",
    "ExpressionFailed",
    "ExpressionProblem",
    "Reference",
    "Scope",
    "check",
    "condition",
    "evaluate",
    "find",
    "references",
]

MAX_SOURCE: Final = 4096
_NOMINAL = 64  # the weight of a value that is not known yet, when an expression is checked
_CONSTANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "run": {
        "id": "string",
        "number": "integer",
        "workflow": "string",
        "revision": "string",
        "trigger": "string",
    },
    "workflow": {"name": "string"},
}


class ExpressionFailed(Exception):
    """An expression has no value; `message` says why, `offset` where in the text that was given."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Embedded:
    """One `${{ source }}` at `text[start:end]`; `source` is what stands between, white space and all."""

    start: int
    end: int
    source: str

    @property
    def inside(self) -> int:
        """The offset of `source` in the text: add a problem's offset to it."""
        return self.start + 3


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may refer to: our type names by name (None or "any": known only at run time).

    `outputs` has an entry, perhaps empty, for every step.
    """

    parameters: Mapping[str, str | None] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    inputs: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything wrong with an expression, and the type of its value (None: known only at run time)."""

    problems: tuple[ExpressionProblem, ...] = ()
    type: str | None = None


def find(text: str) -> tuple[Embedded, ...]:
    """Every `${{ ... }}`; `$${{` is text. Raises ExpressionFailed for one that is not closed."""
    found: list[Embedded] = []
    start = text.find("${{")
    while start >= 0:
        end = start + 3
        if not text.startswith("$", start - 1) or start == 0:
            end = _end(text, start)
            found.append(Embedded(start, end, text[start + 3 : end - 2]))
        start = text.find("${{", end)
    return tuple(found)


def _end(text: str, start: int) -> int:
    """Just behind the `}}` that closes the expression at `start`."""
    depth = 0
    limit = min(len(text), start + 3 + MAX_SOURCE + 2)
    for token in tokens(text, start + 3, limit):
        if token.text == "}" and depth == 0 and text.startswith("}}", token.start):
            return token.start + 2
        depth += (token.text == "{") - (token.text == "}")
    if limit < len(text):
        message = (
            f"The expression that begins here has no end within {MAX_SOURCE} characters. Close it with }}}}."
        )
        raise ExpressionFailed(message, start)
    raise ExpressionFailed("The expression that begins here is not closed. End it with }}.", start)


def condition(text: str) -> Embedded:
    """The expression of a field that is one as a whole, with or without `${{ }}` around it.

    `inside` holds for both. Raises ExpressionFailed for expressions inside text.
    """
    found = find(text)
    if not found:
        return Embedded(-3, len(text), text)
    if len(found) == 1 and not (text[: found[0].start] + text[found[0].end :]).strip():
        return found[0]
    message = "A condition is one expression. Write all of it inside of one ${{ }}."
    raise ExpressionFailed(message, found[min(1, len(found) - 1)].start)


def references(source: str) -> tuple[Reference, ...]:
    """Every whole reference, in order; what is wrong with the others is for `check` to say."""
    return scan(source).references if len(source) <= MAX_SOURCE else ()


def check(source: str, scope: Scope, *, expect: str | None = None) -> CheckResult:
    """Everything that can be known to be wrong before there are values; offsets are into `source`."""
    if problem := _unusable(source):
        return CheckResult((problem,))
    scanned = scan(source)
    problems = [*scanned.problems, *_unknown(scanned, scope)]
    types = tuple((v.name, _declared_type(v, scope)) for v in scanned.variables)
    compiled = cel.compile_source(scanned.text, types)
    if not isinstance(compiled, cel.Compiled):
        problems += [ExpressionProblem(f.offset, _with_hint(f.message, scope)) for f in compiled]
        return CheckResult(_in_order(problems))
    problems += _growth(scanned, {v.name: _NOMINAL for v in scanned.variables})
    problems += _wrong_result(compiled, expect)
    return CheckResult(_in_order(problems), compiled.type)


def _unusable(source: str) -> ExpressionProblem | None:
    if len(source) > MAX_SOURCE:
        return ExpressionProblem(
            0, f"The expression is longer than {MAX_SOURCE} characters.", "ExpressionTooLarge"
        )
    if not source.strip():
        return ExpressionProblem(0, "The expression is empty.")
    try:
        weigh(source)
    except ValueRefused as refused:
        return ExpressionProblem(0, f"The expression cannot be read: {refused}.")
    return None


def _unknown(scanned: Scan, scope: Scope) -> Iterator[ExpressionProblem]:
    for reference in scanned.references:
        if message := _why_unknown(reference, scope):
            yield ExpressionProblem(reference.offset, message, "ExpressionReference")


def _why_unknown(reference: Reference, scope: Scope) -> str | None:
    name = reference.path[-1]
    if reference.root == "steps":
        step = reference.path[0]
        if step not in scope.outputs:
            return f"No step is called '{step}'.{did_you_mean(step, scope.outputs)}"
        if reference.path[1:] == ("phase",) or name in scope.outputs[step]:
            return None
        return f"Step '{step}' has no output parameter '{name}'.{did_you_mean(name, scope.outputs[step])}"
    known = _names(reference.root, scope)
    if name in known:
        return None
    words = {"parameters": "No parameter is called", "inputs": "This step has no input parameter"}
    start = words.get(reference.root, f"'{reference.root}' has no")
    return f"{start} '{name}'.{did_you_mean(name, known)}"


def _names(root: str, scope: Scope) -> Mapping[str, str | None]:
    if root == "parameters":
        return scope.parameters
    return scope.inputs if root == "inputs" else _CONSTANTS[root]


def _declared_type(variable: Variable, scope: Scope) -> str | None:
    reference = variable.reference
    if variable.asked:
        return "boolean"
    if reference is None:
        return None
    if reference.root != "steps":
        return _names(reference.root, scope).get(reference.path[0])
    if reference.path[1] == "phase":
        return "string"
    return scope.outputs.get(reference.path[0], {}).get(reference.path[2])


_UNDECLARED = re.compile(r"^Nothing is called '([^']*)'\.$")


def _with_hint(message: str, scope: Scope) -> str:
    """Say where a bare name may be found: `epochs` is most likely `parameters.epochs`."""
    match = _UNDECLARED.match(message)
    if not match:
        return message
    name = match[1]
    for root, known in (("inputs", scope.inputs), ("parameters", scope.parameters)):
        if name in known:
            return f"{message} Did you mean '{root}.{name}'?"
    head, _, rest = name.partition(".")
    hint = did_you_mean(head, (*ROOTS, *_FUNCTIONS))
    return message + (hint.replace("'?", f".{rest}'?") if hint and rest else hint)


_FUNCTIONS: Final = (
    *("all", "bool", "contains", "double", "duration", "endsWith", "exists", "exists_one", "filter", "has"),
    *("int", "map", "matches", "size", "startsWith", "string", "timestamp"),
)


def _growth(scanned: Scan, sizes: Mapping[str, int]) -> Iterator[ExpressionProblem]:
    try:
        heavy = weight(scanned.text, sizes) > MAX_UNITS
    except TooHeavy:
        yield ExpressionProblem(
            0, "The expression has loops within loops, more than 4 deep.", "ExpressionTooLarge"
        )
        return
    if heavy:
        yield ExpressionProblem(0, "The expression may build more than 16 MiB.", "ExpressionTooLarge")


def _wrong_result(compiled: cel.Compiled, expect: str | None) -> Iterator[ExpressionProblem]:
    if compiled.type is None and compiled.kind in ("BYTES", "TYPE"):
        yield ExpressionProblem(0, f"The expression gives {_NO_VALUE[compiled.kind]}, which is not a value.")
    elif expect and compiled.type not in (None, expect) and (compiled.type, expect) != ("integer", "number"):
        yield ExpressionProblem(0, f"This must give a value of type {expect}, and gives {compiled.type}.")


_NO_VALUE: Final = {"BYTES": "bytes", "TYPE": "a type"}


def _in_order(problems: list[ExpressionProblem]) -> tuple[ExpressionProblem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.offset))


def evaluate(source: str, values: Mapping[str, Any], scope: Scope | None = None) -> Value:
    """The value of an expression; raises ExpressionFailed, and nothing else, when it has none.

    `values` is {"parameters": {...}, "steps": {name: {"phase": ..., "outputs": {...}}}, "inputs": {...},
    "run": {...}, "workflow": {...}}. Types are those of `scope`, or without one the values' own. What is not
    there fails only if it is needed: `has(steps.a.outputs.x) && steps.a.outputs.x > 1` is a boolean.
    A whole field such as `when` may come as it was written, inside of `${{ }}`.
    """
    if "${{" in source:
        source = condition(source).source
    try:
        return _evaluate(source, values, scope)
    except ValueRefused as refused:
        raise ExpressionFailed(f"{_quoted(source)} has no usable value: {refused}.") from refused


def _evaluate(source: str, values: Mapping[str, Any], scope: Scope | None) -> Value:
    if problem := _unusable(source):
        raise ExpressionFailed(problem.message)
    scanned = scan(source)
    _raise_first(source, scanned.problems)
    data, types, sizes = _bind(scanned, values, scope)
    compiled = cel.compile_source(scanned.text, types)
    if not isinstance(compiled, cel.Compiled):
        raise ExpressionFailed(f"{_quoted(source)}: {compiled[0].message}", compiled[0].offset)
    _raise_first(source, tuple(_growth(scanned, sizes)))
    outcome = cel.run(compiled, data)
    if isinstance(outcome, cel.Failure):
        raise ExpressionFailed(f"{_quoted(source)}: {_reason(outcome, scanned, values)}")
    return _plain(outcome)


def _raise_first(source: str, problems: tuple[ExpressionProblem, ...]) -> None:
    for problem in problems:
        raise ExpressionFailed(f"{_quoted(source)}: {problem.message}", problem.offset)


def _bind(
    scanned: Scan, values: Mapping[str, Any], scope: Scope | None
) -> tuple[dict[str, Value], cel.Types, dict[str, int]]:
    data: dict[str, Value] = {}
    types: list[tuple[str, str | None]] = []
    sizes: dict[str, int] = {}
    for variable in scanned.variables:
        found, value = _look_up(variable, values)
        declared = _declared_type(variable, scope) if scope else type_of(value) if found else None
        types.append((variable.name, declared))
        sizes[variable.name] = weigh(value)
        if found:
            data[variable.name] = _typed(value, declared, variable)
    return data, tuple(types), sizes


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
    value = coerce(value, declared)
    if declared not in (None, "any", type_of(value)):
        raise ValueRefused(
            f"{variable.reference} must be of type {declared}, and is {type_of(value) or 'null'}"
        )
    return value


def _reason(failure: cel.Failure, scanned: Scan, values: Mapping[str, Any]) -> str:
    for variable in scanned.variables:
        reference = variable.reference
        if variable.name == failure.missing and reference is not None:
            step = values.get("steps", {}).get(reference.path[0]) if reference.root == "steps" else None
            phase = f" (step '{reference.path[0]}' is {step['phase']})" if step and step.get("phase") else ""
            return f"{reference} has no value{phase}."
    return failure.message


def _quoted(source: str) -> str:
    line = " ".join(source.split())
    return f"`{line}`" if len(line) <= 60 else f"`{line[:57]}...`"


@dataclass(slots=True)
class _Budget:
    left: int = MAX_UNITS

    def take(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise ValueRefused("it is larger than 16 MiB")


def _plain(outcome: Any) -> Value:
    """The JSON value of a CEL value, taken apart step by step so that shared parts cannot explode."""
    value = _unfold(outcome, _Budget(), 0)
    weigh(value)
    return value


def _unfold(outcome: Any, budget: _Budget, depth: int) -> Value:
    value = outcome.value()
    budget.take(8 + (len(value) if isinstance(value, str) else 0))
    if depth > MAX_DEPTH:
        raise ValueRefused(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return [_unfold(item, budget, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_key(key): _unfold(item, budget, depth + 1) for key, item in value.items()}
    if isinstance(value, datetime):
        return _rfc3339(value)
    if isinstance(value, timedelta):
        return _seconds(value)
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueRefused(f"an object's key must be a string, and {key!r} is not")
    return key


def _rfc3339(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def _seconds(span: timedelta) -> str:
    """As CEL writes it itself: "90s", "1.5s"."""
    whole, micro = divmod(span // timedelta(microseconds=1), 1_000_000)
    return f"{whole}s" if not micro else f"{span.total_seconds():.6f}".rstrip("0") + "s"
