"""Templates: values that may hold `${{ ... }}`, with the expressions put in place.

A string that is one expression and nothing else keeps the expression's type; inside text, a value is
put in as text. `$${{` gives `${{`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.embedded import Embedded, ExpressionFailed, find
from reconciler.core.evaluation import evaluate
from reconciler.core.scope import Scope
from reconciler.core.size import MAX_DEPTH
from reconciler.core.values import to_text
from reconciler.model.workflow import Value

MAX_RENDERED: Final = 2**20
"""The most characters that one rendered text may have: what a process takes as one argument is less."""


def render(template: Value, values: Mapping[str, Any], scope: Scope | None = None) -> Value:
    """The template with every expression evaluated, in lists and objects too; raises ExpressionFailed."""
    return _render(template, values, scope, 0)


def _render(template: Value, values: Mapping[str, Any], scope: Scope | None, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise ExpressionFailed(f"The value is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(template, str):
        return _render_string(template, values, scope)
    if isinstance(template, list | tuple):
        return [_render(item, values, scope, depth + 1) for item in template]
    if isinstance(template, Mapping):
        return {key: _render(item, values, scope, depth + 1) for key, item in template.items()}
    return template


def _render_string(template: str, values: Mapping[str, Any], scope: Scope | None) -> Value:
    found = find(template)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(template)):
        return _value(found[0], values, scope)
    return _fill(template, found, values, scope)


def render_text(template: str, values: Mapping[str, Any], scope: Scope | None = None) -> str:
    """The template as text, whatever its expressions give: for commands, arguments and environment."""
    return _fill(template, find(template), values, scope)


def _fill(template: str, found: tuple[Embedded, ...], values: Mapping[str, Any], scope: Scope | None) -> str:
    parts: list[str] = []
    size, position = 0, 0
    for embedded in found:
        text = to_text(_value(embedded, values, scope))
        parts += [_literal(template[position : embedded.start]), text]
        position = embedded.end
        size += len(text)
        if size > MAX_RENDERED:
            raise ExpressionFailed("The expressions put more than 1 MiB into one text.", embedded.start)
    return "".join([*parts, _literal(template[position:])])


def _value(embedded: Embedded, values: Mapping[str, Any], scope: Scope | None) -> Value:
    try:
        return evaluate(embedded.source, values, scope)
    except ExpressionFailed as failed:
        raise ExpressionFailed(failed.message, embedded.inside + failed.offset) from failed


def _literal(text: str) -> str:
    return text.replace("$${{", "${{")
