"""The one place that speaks to the CEL library; it gives values and faults, never exceptions.

cel-expr-python is Google's C++ implementation: it checks types before it evaluates, bounds recursion
(32) and iterations (10,000), and its regular expressions (RE2) are linear. It does not bound memory,
silently cuts strings at NUL and crashes on data nested thousands deep: `weight` and `size.measure`
stand before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.core.explain import for_people, without_codes
from reconciler.core.unfold import unfold
from reconciler.model.workflow import Value

_PLACE = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(-?\d+):(-?\d+): ", re.MULTILINE)
_OUR_TYPES = {
    "BOOL": "boolean",
    "STRING": "string",
    "INT": "integer",
    "UINT": "integer",
    "DOUBLE": "number",
    "LIST": "list",
    "MAP": "object",
    "TIMESTAMP": "string",
    "DURATION": "string",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What the library objects to, in words for people, and where in the source."""

    offset: int
    message: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A checked expression. `type` is None where it is known only once evaluated; `kind` is CEL's name."""

    program: Any
    type: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an evaluation gave no value; `missing` names the variable that had none."""

    message: str
    missing: str = ""


Types = tuple[tuple[str, str | None], ...]


@lru_cache(maxsize=4096)
def compile_source(text: str, types: Types) -> Compiled | tuple[Fault, ...]:
    """Parse and check; the cache serves the thousand steps that share an expression."""
    try:
        program = _environment(types).compile(text)
        kind = program.return_type().name().partition("<")[0]
    except (RuntimeError, TypeError, ValueError) as error:
        return _faults(text, str(error))
    return Compiled(program, _OUR_TYPES.get(kind), kind)


@lru_cache(maxsize=1024)
def _environment(types: Types) -> Any:
    """The library's environment that declares these variables: five times as dear as to compile in it."""
    from cel_expr_python import cel  # 14 MB of C++: only who has expressions pays for it

    kinds = {
        "string": cel.Type.STRING,
        "integer": cel.Type.INT,
        "number": cel.Type.DOUBLE,
        "boolean": cel.Type.BOOL,
        "list": cel.Type.List(cel.Type.DYN),
        "object": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    return cel.NewEnv(variables={name: kinds.get(kind or "", cel.Type.DYN) for name, kind in types})


def run(compiled: Compiled, data: Mapping[str, Any]) -> Value | Failure:
    """The value as JSON, or why there is none; raises ValueRefused for what JSON does not have."""
    try:
        value = compiled.program.eval(data=dict(data))
        if value.type().name() == "ERROR":
            return _failure(str(value.plain_value()))
        return unfold(value)
    except (RuntimeError, TypeError, ValueError, ArithmeticError, MemoryError) as error:
        return _failure(str(error))


@lru_cache(maxsize=1024)
def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a regular expression, as a sentence; None if it can be used."""
    outcome = _matches("", pattern)
    return outcome.message if isinstance(outcome, Failure) else None


def full_match(pattern: str, text: str) -> bool | str:
    """Whether RE2 matches the whole text, in linear time; a sentence where the pattern cannot be used."""
    # alone first: `a)|(b` is no pattern, but would become one inside of the brackets
    return pattern_problem(pattern) or _matches(text, rf"\A(?:{pattern})\z") is True


def _matches(text: str, pattern: str) -> Value | Failure:
    compiled = compile_source("text.matches(pattern)", (("text", "string"), ("pattern", "string")))
    if not isinstance(compiled, Compiled):
        return Failure(compiled[0].message)
    return run(compiled, {"text": text, "pattern": pattern})


def _failure(text: str) -> Failure:
    missing = re.search(r'No value with name "(\w+)" found', text)
    return Failure(for_people(without_codes(text)), missing.group(1) if missing else "")


def _faults(text: str, report: str) -> tuple[Fault, ...]:
    """The faults in a report of the form `ERROR: <input>:LINE:COLUMN: words`, a picture after each."""
    places = list(_PLACE.finditer(report))
    if not places:
        return (Fault(0, for_people(without_codes(report))),)
    ends = [place.start() for place in places[1:]] + [len(report)]
    return _first_of_each_place(
        _fault(text, _offset(text, int(place[1]), int(place[2])), report[place.end() : end])
        for place, end in zip(places, ends, strict=True)
    )


def _fault(text: str, offset: int, words: str) -> Fault:
    words = without_codes(words.partition("\n |")[0])
    undeclared = re.match(r"undeclared reference to '([^']*)'", words)
    if undeclared:  # reported where a call's bracket opens, or at the last dot
        start = text.rfind(undeclared[1], 0, offset + len(undeclared[1]))
        offset = start if 0 <= start <= offset <= start + len(undeclared[1]) else offset
    return Fault(offset, for_people(words))


def _offset(text: str, line: int, column: int) -> int:
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    if not 1 <= line <= len(starts):
        return 0
    return min(starts[line - 1] + max(0, column - 1), len(text))


def _first_of_each_place(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """One error often draws others after it: those at the same place, or the same words, are left out."""
    kept: list[Fault] = []
    for fault in faults:
        if all(fault.offset != k.offset and fault.message != k.message for k in kept):
            kept.append(fault)
    return tuple(kept)
