"""Which texts of a step may hold expressions, and which steps those refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core import expressions
from reconciler.core.expressions import Embedded, ExpressionFailed
from reconciler.definition.words import Path

OPENING = "${{"

Text = tuple[Path, str]


def texts(step: Mapping[str, Any]) -> Iterator[Text]:
    """Every text of a step (or of `defaults`) that holds expressions, but for `when`, and its path in the step."""
    for key in ("image", "script"):
        yield from inside(step.get(key), (key,))
    for key in ("command", "args", "env"):
        if key in step:
            yield from inside(step[key], (key,))
    for name, given in step.get("inputs", {}).get("parameters", {}).items():
        yield from inside(given, ("inputs", "parameters", name))


def inside(value: Any, path: Path) -> Iterator[Text]:
    """Every text with an expression in a value, however deep."""
    if isinstance(value, str):
        if OPENING in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from inside(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from inside(item, (*path, index))


def condition(step: Mapping[str, Any]) -> str | None:
    """The text of `when`; YAML's own true and false are conditions too."""
    when = step.get("when")
    return str(when).lower() if isinstance(when, bool) else when


def depends_on(step: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, ...]:
    """The steps that a step waits for: by `needs`, by inputs and by expressions."""
    found = set(step.get("needs", ()))
    inputs = step.get("inputs", {})
    for given in (*inputs.get("artifacts", {}).values(), *inputs.get("parameters", {}).values()):
        if isinstance(given, Mapping) and "from" in given:
            found.add(given["from"].partition("/")[0])
    for embedded in _expressions(step, defaults):
        for reference in expressions.references(embedded.source):
            if reference.root == "steps":
                found.add(reference.path[0])
    return tuple(sorted(found))


def _expressions(step: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterable[Embedded]:
    for _, text in (*texts(step), *texts(defaults)):
        try:
            yield from expressions.find(text)
        except ExpressionFailed:
            continue  # a problem tells of it; nothing is rendered
    if (when := condition(step)) is not None:
        try:
            yield expressions.condition(when)
        except ExpressionFailed:
            return
