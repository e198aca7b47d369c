"""What is asked of an object of the cluster that stands for a step: conditions in CEL, and values by path.

A condition sees one name, `object`: the latest form of the object. A cluster fills an object in as it
goes, so a field that is not there yet is no failure: the condition has no answer so far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.core import cel
from reconciler.core.embedded import MAX_SOURCE
from reconciler.core.reference import ROOTS, ExpressionProblem
from reconciler.core.size import LEVELS, Size, ValueRefused, measure
from reconciler.core.suggest import suggest
from reconciler.core.weight import excess
from reconciler.model.workflow import MISSING, Missing, Value

NAME: Final = "object"
_TYPES: Final[cel.Types] = ((NAME, "object"),)
_NOMINAL: Final = Size(64, (8,) * LEVELS)
_UNDECLARED = re.compile(r"^Nothing is called '([^'.]*)[^']*'\.$")
_SEGMENT = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,6})\]")


def problems(source: str) -> Iterator[ExpressionProblem]:
    """What can be known to be wrong with a condition before there is an object; offsets are into `source`."""
    if len(source) > MAX_SOURCE:
        message = f"The expression is longer than {MAX_SOURCE} characters."
        yield ExpressionProblem(0, message, "ExpressionTooLarge")
        return
    compiled = cel.compile_source(source, _TYPES)
    if not isinstance(compiled, cel.Compiled):
        yield from (ExpressionProblem(fault.offset, _with_hint(fault.message)) for fault in compiled)
    elif compiled.type not in (None, "boolean"):
        message = f"This must give a value of type boolean, and gives {compiled.type or compiled.kind}."
        yield ExpressionProblem(0, message)
    elif message := excess(source, {NAME: _NOMINAL}) or "":
        yield ExpressionProblem(0, message, "ExpressionTooLarge")


def _with_hint(message: str) -> str:
    """Conditions stand beside expressions that see more, so say what is seen here."""
    match = _UNDECLARED.match(message)
    if not match:
        return message
    if match[1] in ROOTS:
        return f"{message} A condition sees the object alone, as `object`."
    meant = suggest(match[1], [NAME])
    return f"{message} Did you mean '{NAME}'?" if meant else f"{message} Fields begin with `object.`"


def holds(source: str, found: Mapping[str, Any]) -> bool | str:
    """Whether the condition is met; a sentence where it has no answer (so far), such as a missing field."""
    compiled = cel.compile_source(source, _TYPES)
    if not isinstance(compiled, cel.Compiled):
        return compiled[0].message
    try:
        if refused := excess(source, {NAME: measure(found)}):
            return refused
        outcome = cel.run(compiled, {NAME: found})
    except ValueRefused as error:
        return f"The object cannot be looked at: {error}."
    if isinstance(outcome, cel.Failure):
        return outcome.message
    return outcome if isinstance(outcome, bool) else "The condition gives neither true nor false."


def value_at(path: str, found: Mapping[str, Any]) -> Value | Missing:
    """The value at a path such as `status.rows` or `status.items[0].name`; MISSING where there is none."""
    value: Any = found
    for name, index in _SEGMENT.findall(path):
        if name and isinstance(value, Mapping) and name in value:
            value = value[name]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return MISSING
    return value
