"""Expressions: closed, well-formed, of the right type, and about things that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core import expressions, values
from reconciler.core.expressions import Embedded, ExpressionFailed, Scope
from reconciler.definition import template
from reconciler.definition.checks.doubt import Doubt
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, clean, cut
from reconciler.model.problem import Severity

_SELF = "A step cannot refer to what only its own run will tell."
_SHELL_FLAG = re.compile(r"-[a-z]*c")


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about every expression of a document."""
    for path, text in subject.default_texts:
        yield from _default(("spec", "defaults", *path), text, subject)
    for name, step in subject.steps.items():
        if subject.texts[name] or "when" in step:
            yield from _step(name, step, subject)
    results = subject.spec.get("outputs", {}).get("parameters", {})
    for path, text in template.inside(results, ("spec", "outputs", "parameters")):
        yield from _text(path, text, subject.scope, subject.doubt)


def _step(name: str, step: Mapping[str, Any], subject: Subject) -> Iterator[Finding]:
    path: Path = ("spec", "steps", name)
    outer, doubt = subject.scope, subject.doubt
    inner = Scope(outer.parameters, outer.outputs, _inputs(step, outer))
    for at, text in subject.texts[name]:
        yield from _text((*path, *at), text, outer if at[0] == "inputs" else inner, doubt)
        if at == ("script",) or _is_program(step, at):
            yield from _pasted((*path, *at), text)
    if (when := template.condition(step)) is not None:
        yield from _condition((*path, "when"), when, inner, doubt)


def _inputs(step: Mapping[str, Any], scope: Scope) -> dict[str, str | None]:
    return {
        name: _input_type(given, scope)
        for name, given in step.get("inputs", {}).get("parameters", {}).items()
    }


def _input_type(given: Any, scope: Scope) -> str | None:
    if isinstance(given, Mapping):
        if "from" in given:
            step, _, output = given["from"].partition("/")
            return scope.outputs.get(step, {}).get(output)
        given = given["value"]
    if isinstance(given, str) and template.OPENING in given:
        try:
            found = template.find(given)
        except ExpressionFailed:
            return None
        if len(found) == 1 and (found[0].start, found[0].end) == (0, len(given)):
            source = found[0].source
            return _type_of_reference(source, scope) or expressions.check(source, scope).type
    return values.type_of(given)


def _text(path: Path, text: str, scope: Scope, doubt: Doubt) -> Iterator[Finding]:
    try:
        found = template.find(text)
    except ExpressionFailed as failed:
        yield Finding(path, "ExpressionOpen", clean(failed.message), text=text, offset=failed.offset)
        return
    for embedded in found:
        yield from _expression(path, text, embedded, scope, doubt)


def _condition(path: Path, text: str, scope: Scope, doubt: Doubt) -> Iterator[Finding]:
    try:
        embedded = template.find_condition(text)
    except ExpressionFailed as failed:
        yield Finding(path, "ExpressionOpen", clean(failed.message), text=text, offset=failed.offset)
        return
    yield from _expression(path, text, embedded, scope, doubt, expect="boolean")


def _expression(
    path: Path, text: str, embedded: Embedded, scope: Scope, doubt: Doubt, *, expect: str | None = None
) -> Iterator[Finding]:
    if _is_doubtful(path, embedded, scope, doubt):
        return
    for reference in template.references(embedded.source):
        if reference.root == "steps" and path[:3] == ("spec", "steps", reference.path[0]):
            offset = embedded.inside + reference.offset
            yield Finding(path, "ExpressionReference", _SELF, text=text, offset=max(0, offset))
    if expect is None and _type_of_reference(embedded.source, scope):
        return
    for problem in expressions.check(embedded.source, scope, expect=expect).problems:
        offset = max(0, embedded.inside + problem.offset)
        yield Finding(path, problem.code, clean(cut(problem.message, 300)), text=text, offset=offset)


def _type_of_reference(source: str, scope: Scope) -> str | None:
    """The type of an expression that is no more than one known name: nearly all are, and need no compiler."""
    found = template.references(source)
    if len(found) != 1 or source.strip() != source[found[0].offset : found[0].end]:
        return None
    root, path = found[0].root, found[0].path
    if root == "parameters":
        return scope.parameters.get(path[0])
    if root == "inputs":
        return scope.inputs.get(path[0])
    return scope.outputs.get(path[0], {}).get(path[-1]) if root == "steps" and path[1] == "outputs" else None


def _is_doubtful(path: Path, embedded: Embedded, scope: Scope, doubt: Doubt) -> bool:
    """Whether the expression names something whose declaration was refused before."""
    if not doubt.touched and not doubt.lost:
        return False
    in_step = len(path) > 2 and path[1] == "steps" and doubt.about("steps", str(path[2]))
    for reference in template.references(embedded.source):
        name = reference.path[0]
        if reference.root == "parameters" and name not in scope.parameters and doubt.names_in("parameters"):
            return True
        if reference.root == "steps" and (doubt.about("steps", name) or doubt.names_in("steps")):
            return True
        if reference.root == "inputs" and in_step:
            return True
    return False


def _default(path: Path, text: str, subject: Subject) -> Iterator[Finding]:
    """Defaults belong to every step, so they cannot speak of one."""
    try:
        found = template.find(text)
    except ExpressionFailed:
        found = ()
    for embedded in found:
        for reference in template.references(embedded.source):
            if reference.root in ("steps", "inputs"):
                message = f"Defaults are for every step, so they cannot refer to '{reference.root}'."
                yield Finding(
                    path, "ExpressionReference", message, text=text, offset=embedded.inside + reference.offset
                )
                return
    yield from _text(path, text, subject.scope, subject.doubt)


def _is_program(step: Mapping[str, Any], at: Path) -> bool:
    """Whether the text is what `sh -c` or `python -c` runs."""
    if at[0] != "command" or not isinstance(at[-1], int) or at[-1] == 0:
        return False
    return bool(_SHELL_FLAG.fullmatch(step["command"][at[-1] - 1]))


def _pasted(path: Path, text: str) -> Iterator[Finding]:
    """Warn of values that become part of a program."""
    try:
        found = template.find(text)
    except ExpressionFailed:
        return
    for embedded in found:
        message = (
            "The value is pasted into the program as text: "
            "quotes, line ends or `$(...)` in it would be run as code. "
            f"{_instead(embedded.source)}"
        )
        yield Finding(
            path, "ExpressionInScript", message, text=text, offset=embedded.start, severity=Severity.WARNING
        )


def _instead(source: str) -> str:
    prefixes = {"parameters": "PARAM", "inputs": "INPUT"}
    for reference in template.references(source):
        if reference.root in prefixes and source.strip() == str(reference):
            return (
                f"Read the variable {values.env_name(prefixes[reference.root], reference.path[0])} instead."
            )
    return (
        f'Give it to the program as a variable instead: env: {{VALUE: "${{{{{clean(cut(source, 80))}}}}}"}}.'
    )
