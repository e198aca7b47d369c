"""Problems in the form that somebody asks for: text for people, JSON for programs, annotations for GitHub.

SARIF, which code-scanning services read, has a module of its own. Nothing is printed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from reconciler.definition import sarif
from reconciler.definition.words import clean
from reconciler.model.problem import Problem


def render(problems: Iterable[Problem], form: str) -> str:
    """The problems as `text`, `json`, `github` or `sarif`, ordered by place, with a line end unless empty."""
    text = FORMS[form](sorted(problems))
    return f"{text}\n" if text else ""


def to_text(problems: Iterable[Problem]) -> str:
    """`file:line:column: path: sentence`, one line each."""
    return "\n".join(clean(str(problem)) for problem in problems)


def to_json(problems: Iterable[Problem]) -> str:
    """An object with the list `problems`."""
    return json.dumps(
        {"problems": [to_object(problem) for problem in problems]}, ensure_ascii=False, indent=2
    )


def to_object(problem: Problem) -> dict[str, Any]:
    """One problem as a JSON object."""
    return {**asdict(problem), "severity": problem.severity.value}


def to_github(problems: Iterable[Problem]) -> str:
    """Workflow commands, by which GitHub Actions shows the problems beside the lines of a change."""
    return "\n".join(_annotation(problem) for problem in problems)


def _annotation(problem: Problem) -> str:
    place = {"file": problem.path, "line": problem.line, "col": problem.column, "title": problem.code}
    given = ",".join(f"{key}={_escaped(str(value), _IN_PROPERTY)}" for key, value in place.items())
    message = _escaped(f"{problem.where}: {problem.message}", _IN_MESSAGE)
    return f"::{problem.severity.value} {given}::{message}"


_IN_MESSAGE: Mapping[str, str] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY: Mapping[str, str] = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def _escaped(text: str, replacements: Mapping[str, str]) -> str:
    return clean("".join(replacements.get(character, character) for character in text))


def to_sarif(problems: Iterable[Problem]) -> str:
    """A SARIF log."""
    return json.dumps(sarif.log(problems), ensure_ascii=False, indent=2)


FORMS: Mapping[str, Callable[[Iterable[Problem]], str]] = {
    "text": to_text,
    "json": to_json,
    "github": to_github,
    "sarif": to_sarif,
}
