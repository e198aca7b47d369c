"""What an expression refers to: `parameters.epochs`, `steps.load-data.outputs.rows`, `run.id`, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.suggest import did_you_mean
from reconciler.core.token import Token, string_text, text_at

_SHAPES: Final = {
    "parameters": "parameters.<name>",
    "steps": "steps.<step>.outputs.<name> or steps.<step>.phase",
    "inputs": "inputs.<name>",
    "run": "run.id, run.number, run.workflow, run.revision or run.trigger",
    "workflow": "workflow.name",
}
ROOTS: Final = tuple(_SHAPES)


@dataclass(frozen=True, slots=True)
class Reference:
    """One use of a root: `("steps", ("load-data", "outputs", "rows"), offset)`."""

    root: str
    path: tuple[str, ...]
    offset: int
    end: int = 0

    def __str__(self) -> str:
        return ".".join((self.root, *self.path))


@dataclass(frozen=True, slots=True)
class ExpressionProblem:
    """What is wrong at `offset` of an expression's source; `code` is CamelCase for machines."""

    offset: int
    message: str
    code: str = "ExpressionInvalid"


def read(found: Sequence[Token], position: int) -> tuple[Reference | ExpressionProblem, int]:
    """The reference whose root stands at `position`, or why it is none, and the position after it."""
    root, after = found[position], position + 1
    path: list[str] = []
    while (wanted := _wanted(root.text, path)) and (segment := _segment(found, after)):
        name, after = segment
        if isinstance(wanted, tuple) and name not in wanted:
            message = f"A step has no '{name}', it has 'outputs' and 'phase'.{did_you_mean(name, wanted)}"
            return ExpressionProblem(found[after - 1].start, message, "ExpressionReference"), after
        path.append(name)
    if wanted:
        message = _unfinished(root.text, path, text_at(found, after) == "[")
        return ExpressionProblem(root.start, message, "ExpressionReference"), after
    reference = Reference(root.text, tuple(path), root.start, found[after - 1].end)
    if text_at(found, after) == "(":
        message = f"'{reference}' is a value and cannot be called."
        return ExpressionProblem(root.start, message, "ExpressionReference"), after
    return reference, after


def _unfinished(root: str, path: Sequence[str], indexed: bool) -> str:
    said = ".".join((root, *path))
    if indexed:
        return f"What follows '{said}' must be a plain name, as in {_SHAPES[root]}."
    return f"'{said}' is not a value of its own. Write {_SHAPES[root]}."


def _wanted(root: str, path: Sequence[str]) -> tuple[str, ...] | bool:
    """What must still follow: nothing (False), any name (True), or one of certain names."""
    if root != "steps":
        return not path
    if len(path) == 1:
        return ("outputs", "phase")
    return not path or (len(path) == 2 and path[1] == "outputs")


def _segment(found: Sequence[Token], position: int) -> tuple[str, int] | None:
    """The name in `.name` or `['name']` at `position`, and the position after it."""
    opening = text_at(found, position)
    if position + 1 >= len(found):
        return None
    token = found[position + 1]
    if opening == "." and token.kind == "name":
        return token.text.strip("`"), position + 2
    if opening == "[" and token.kind == "string" and text_at(found, position + 2) == "]":
        name = string_text(token)
        return (name, position + 3) if name is not None else None
    return None
