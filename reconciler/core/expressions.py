"""Expressions, `${{ ... }}`, in CEL: find them in text, check them against what is declared, evaluate them.

This is the door to the modules behind it: `embedded` finds, `reference` and `rewrite` tell what is
referred to, `scope` what may be, `weight` bounds what it may cost, `cel` speaks to the library, and
`evaluation` gives values. How a value becomes part of a text is in `templates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core import cel
from reconciler.core.embedded import MAX_SOURCE, Embedded, ExpressionFailed, condition, find
from reconciler.core.evaluation import evaluate
from reconciler.core.reference import ExpressionProblem, Reference
from reconciler.core.rewrite import Scan, scan
from reconciler.core.scope import Scope
from reconciler.core.size import LEVELS, Size
from reconciler.core.weight import excess

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

_NOMINAL = Size(64, (8,) * LEVELS)  # of a value that is not known yet
_NOT_VALUES = {
    "BYTES": "bytes, which are not a value. Write string(x)",
    "TYPE": "a type, which is not a value",
}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything wrong with an expression, and the type of its value (None: known only at run time)."""

    problems: tuple[ExpressionProblem, ...] = ()
    type: str | None = None


def references(source: str) -> tuple[Reference, ...]:
    """Every whole reference, in order; what is wrong with the others is for `check` to say."""
    return scan(source).references


def check(source: str, scope: Scope, *, expect: str | None = None) -> CheckResult:
    """Everything that can be known to be wrong before there are values; offsets are into `source`."""
    scanned = scan(source)
    problems = [*scanned.problems, *_unknown(scanned, scope)]
    if not scanned.text:
        return CheckResult(scanned.problems)
    compiled = cel.compile_source(scanned.text, tuple((v.name, scope.type_of(v)) for v in scanned.variables))
    if not isinstance(compiled, cel.Compiled):
        problems += [
            ExpressionProblem(f.offset, scope.with_hint(scanned.restored(f.message))) for f in compiled
        ]
        return CheckResult(_in_order(problems))
    problems += _too_large(scanned)
    problems += _wrong_result(compiled, expect)
    return CheckResult(_in_order(problems), compiled.type)


def _unknown(scanned: Scan, scope: Scope) -> Iterator[ExpressionProblem]:
    for reference in scanned.references:
        if message := scope.why_unknown(reference):
            yield ExpressionProblem(reference.offset, message, "ExpressionReference")


def _too_large(scanned: Scan) -> Iterator[ExpressionProblem]:
    if message := excess(scanned.text, {v.name: _NOMINAL for v in scanned.variables}):
        yield ExpressionProblem(0, message, "ExpressionTooLarge")


def _wrong_result(compiled: cel.Compiled, expect: str | None) -> Iterator[ExpressionProblem]:
    if compiled.kind in _NOT_VALUES:
        yield ExpressionProblem(0, f"The expression gives {_NOT_VALUES[compiled.kind]}.")
    elif expect and compiled.type not in (None, expect) and (compiled.type, expect) != ("integer", "number"):
        yield ExpressionProblem(0, f"This must give a value of type {expect}, and gives {compiled.type}.")


def _in_order(problems: list[ExpressionProblem]) -> tuple[ExpressionProblem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.offset))
