"""What an expression refers to: `parameters.epochs`, `steps.load-data.outputs.rows`, `run.id`, ...

Each reference is replaced by a variable of three letters, padded to the length that it had. So the
expression may name steps with hyphens and parameters that are reserved words in CEL, and every
offset that the library reports is an offset in what the author wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from string import ascii_lowercase, digits

from reconciler.core.embedded import MAX_SOURCE
from reconciler.core.suggest import did_you_mean
from reconciler.core.token import Token, string_text, tokens
from reconciler.core.values import ValueRefused, measure

ROOTS = ("parameters", "steps", "inputs", "run", "workflow")
MACROS = frozenset({"map", "filter", "all", "exists", "exists_one", "existsOne"})
_SHAPES = {
    "parameters": "parameters.<name>",
    "inputs": "inputs.<name>",
    "run": "run.id, run.number, run.workflow, run.revision or run.trigger",
    "workflow": "workflow.name",
    "steps": "steps.<step>.outputs.<name> or steps.<step>.phase",
}


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


@dataclass(frozen=True, slots=True)
class Variable:
    """What stands for a reference in the rewritten source; `asked` for `has(reference)`, a boolean.

    `reference` is None where the author's words make no whole reference: a problem tells of it.
    """

    name: str
    reference: Reference | None
    asked: bool = False


@dataclass(slots=True)
class Scan:
    """An expression with its references taken out."""

    text: str
    references: tuple[Reference, ...] = ()
    variables: tuple[Variable, ...] = ()
    problems: tuple[ExpressionProblem, ...] = ()

    def restored(self, message: str) -> str:
        """A message about the rewritten text in the author's words."""
        for variable in self.variables:
            if variable.name in message:
                message = message.replace(variable.name, str(variable.reference or "this"))
        return message


@dataclass(slots=True)
class _Rewriting:
    source: str
    free: Iterator[str]
    output: list[str] = field(default_factory=list)
    known: dict[tuple[str, tuple[str, ...], bool], Variable] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    problems: list[ExpressionProblem] = field(default_factory=list)

    def put(self, start: int, end: int, reference: Reference | None, asked: bool = False) -> None:
        """Let a variable stand for `source[start:end]`."""
        variable = self._variable(reference, asked)
        rest = self.source[start + len(variable.name) : end]
        padding = (c if c == "\n" else " " for c in rest)
        self.output[start:end] = [*variable.name, *padding]
        if reference is not None:
            self.references.append(reference)

    def _variable(self, reference: Reference | None, asked: bool) -> Variable:
        key = (reference.root, reference.path, asked) if reference else ("", (str(len(self.known)),), asked)
        if key not in self.known:
            self.known[key] = Variable(next(self.free), reference, asked)
            self.variables.append(self.known[key])
        return self.known[key]


def scan(source: str) -> Scan:
    """Find every reference of `source` and rewrite it; `text` is empty for what is no expression at all."""
    problem = _unusable(source)
    return Scan("", problems=(problem,)) if problem else _scan(source)


def _unusable(source: str) -> ExpressionProblem | None:
    if len(source) > MAX_SOURCE:
        message = f"The expression is longer than {MAX_SOURCE} characters."
        return ExpressionProblem(0, message, "ExpressionTooLarge")
    if not source.strip():
        return ExpressionProblem(0, "The expression is empty.")
    try:
        measure(source)
    except ValueRefused as refused:
        return ExpressionProblem(0, f"The expression cannot be read: {refused}.")
    return None


@lru_cache(maxsize=4096)
def _scan(source: str) -> Scan:
    found = list(tokens(source))
    names = {token.text for token in found}
    work = _Rewriting(source, (n for n in _variable_names() if n not in names), list(source))
    position = 0
    while position < len(found):
        position = _step(work, found, position)
    return Scan("".join(work.output), tuple(work.references), tuple(work.variables), tuple(work.problems))


def _variable_names() -> Iterator[str]:
    """Three letters: no longer than the shortest root, so that a reference always has the room."""
    letters = ascii_lowercase + digits
    return (f"_{a}{b}" for a in letters for b in letters)


def _step(work: _Rewriting, found: Sequence[Token], position: int) -> int:
    """Deal with the token at `position`; the position after what was dealt with."""
    token = found[position]
    if token.kind != "name" or _is_field(found, position):
        return position + 1
    if token.text == "has" and _text(found, position + 1) == "(" and _text(found, position + 2) in ROOTS:
        reference, after = _reference(work, found, position + 2)
        if reference is not None and _text(found, after) == ")":
            work.put(token.start, found[after].end, reference, asked=True)
            return after + 1
        return _put_plain(work, found, position + 2, reference, after)
    if token.text not in ROOTS:
        return position + 1
    if _is_loop_variable(found, position):
        message = f"'{token.text}' is the root of references and cannot be a loop's variable. Choose another."
        work.problems.append(ExpressionProblem(token.start, message, "ExpressionReference"))
    reference, after = _reference(work, found, position)
    return _put_plain(work, found, position, reference, after)


def _put_plain(
    work: _Rewriting, found: Sequence[Token], position: int, reference: Reference | None, after: int
) -> int:
    if reference is not None and _text(found, after) == "(":
        message = f"'{reference}' is a value and cannot be called."
        work.problems.append(ExpressionProblem(reference.offset, message, "ExpressionReference"))
    work.put(found[position].start, found[after - 1].end, reference)
    return after


def _reference(work: _Rewriting, found: Sequence[Token], position: int) -> tuple[Reference | None, int]:
    """The reference that starts at `position` (None, and a problem, if it is not whole) and what follows."""
    root, after = found[position], position + 1
    path: list[str] = []
    while (wanted := _wanted(root.text, path)) and (segment := _segment(found, after)):
        name, after = segment
        if isinstance(wanted, tuple) and name not in wanted:
            message = f"A step has no '{name}', it has 'outputs' and 'phase'.{did_you_mean(name, wanted)}"
            work.problems.append(ExpressionProblem(found[after - 1].start, message, "ExpressionReference"))
            return None, after
        path.append(name)
    if wanted:
        said = ".".join((root.text, *path))
        message = f"'{said}' is not a value of its own. Write {_SHAPES[root.text]}."
        if _text(found, after) == "[":
            message = f"What follows '{said}' must be a plain name, as in {_SHAPES[root.text]}."
        work.problems.append(ExpressionProblem(root.start, message, "ExpressionReference"))
        return None, after
    return Reference(root.text, tuple(path), root.start, found[after - 1].end), after


def _wanted(root: str, path: Sequence[str]) -> tuple[str, ...] | bool:
    """What must still follow: nothing (False), any name (True), or one of certain names."""
    if root != "steps":
        return not path
    if len(path) == 1:
        return ("outputs", "phase")
    return not path or (len(path) == 2 and path[1] == "outputs")


def _segment(found: Sequence[Token], position: int) -> tuple[str, int] | None:
    """The name in `.name` or `['name']` at `position`, and the position after it."""
    opening = _text(found, position)
    if position + 1 >= len(found):
        return None
    token = found[position + 1]
    if opening == "." and token.kind == "name":
        return token.text.strip("`"), position + 2
    if opening == "[" and token.kind == "string" and _text(found, position + 2) == "]":
        name = string_text(token)
        return (name, position + 3) if name is not None else None
    return None


def _text(found: Sequence[Token], position: int) -> str:
    return found[position].text if 0 <= position < len(found) else ""


def _is_field(found: Sequence[Token], position: int) -> bool:
    return _text(found, position - 1) == "."


def _is_loop_variable(found: Sequence[Token], position: int) -> bool:
    return (
        _text(found, position - 1) == "("
        and _text(found, position - 2) in MACROS
        and _is_field(found, position - 2)
        and _text(found, position + 1) == ","
    )
