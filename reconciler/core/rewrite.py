"""An expression with its references taken out, as the CEL library can take it.

Each reference is replaced by a variable of three letters, padded to the length that it had. So an
expression may name steps with hyphens and parameters that are reserved words in CEL, and every offset
that the library reports is an offset in what the author wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from string import ascii_lowercase, digits

from reconciler.core.embedded import MAX_SOURCE
from reconciler.core.reference import ROOTS, ExpressionProblem, Reference, read
from reconciler.core.size import ValueRefused, measure
from reconciler.core.token import Token, is_loop, text_at, tokens


@dataclass(frozen=True, slots=True)
class Variable:
    """What stands for a reference in the rewritten source; `asked` for `has(reference)`, a boolean.

    `reference` is None where the author's words make no whole reference: a problem tells of it.
    """

    name: str
    reference: Reference | None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """The rewritten source, and what was found in it; no text where there is no expression at all."""

    text: str
    references: tuple[Reference, ...] = ()
    variables: tuple[Variable, ...] = ()
    problems: tuple[ExpressionProblem, ...] = ()

    def restored(self, message: str) -> str:
        """A message about the rewritten text in the author's words."""
        for variable in self.variables:
            message = message.replace(variable.name, str(variable.reference or "this"))
        return message


def scan(source: str) -> Scan:
    """Find every reference of `source` and rewrite it."""
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
    found = tuple(tokens(source))
    work = _Rewriting(source, found, _free_names(found), list(source))
    position = 0
    while position < len(found):
        position = work.step(position)
    return Scan(
        "".join(work.output), tuple(work.references), tuple(work.known.values()), tuple(work.problems)
    )


def _free_names(found: Sequence[Token]) -> Iterator[str]:
    """Three letters: no longer than the shortest root, so that a reference always has the room."""
    taken = {token.text for token in found}
    letters = ascii_lowercase + digits
    return (name for a in letters for b in letters if (name := f"_{a}{b}") not in taken)


@dataclass(slots=True)
class _Rewriting:
    source: str
    found: Sequence[Token]
    free: Iterator[str]
    output: list[str]
    known: dict[tuple[object, ...], Variable] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    problems: list[ExpressionProblem] = field(default_factory=list)

    def step(self, position: int) -> int:
        """Deal with the token at `position`; the position after what was dealt with."""
        token = self.found[position]
        if token.kind != "name" or text_at(self.found, position - 1) == ".":
            return position + 1
        if token.text == "has" and text_at(self.found, position + 1) == "(":
            return self._question(position) or position + 1
        if token.text not in ROOTS:
            return position + 1
        if is_loop(self.found, position - 1):
            message = (
                f"'{token.text}' is the root of references and cannot be a loop's variable. Choose another."
            )
            self.problems.append(ExpressionProblem(token.start, message, "ExpressionReference"))
        meant, after = read(self.found, position)
        self._put(token.start, self.found[after - 1].end, meant)
        return after

    def _question(self, position: int) -> int | None:
        """Replace a whole `has(reference)`; None for any other use of has."""
        if text_at(self.found, position + 2) not in ROOTS:
            return None
        meant, after = read(self.found, position + 2)
        if isinstance(meant, ExpressionProblem) or text_at(self.found, after) != ")":
            return None
        self._put(self.found[position].start, self.found[after].end, meant, asked=True)
        return after + 1

    def _put(
        self, start: int, end: int, meant: Reference | ExpressionProblem, *, asked: bool = False
    ) -> None:
        """Let a variable stand for `source[start:end]`."""
        if isinstance(meant, Reference):
            self.references.append(meant)
            key: tuple[object, ...] = (meant.root, meant.path, asked)
        else:
            self.problems.append(meant)
            key = (start,)
        if key not in self.known:
            reference = meant if isinstance(meant, Reference) else None
            self.known[key] = Variable(next(self.free), reference, asked)
        name = self.known[key].name
        padding = (c if c == "\n" else " " for c in self.source[start + len(name) : end])
        self.output[start:end] = [*name, *padding]
