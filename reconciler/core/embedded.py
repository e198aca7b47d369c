"""Expressions inside of text: where each `${{ ... }}` begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.core.token import tokens

MAX_SOURCE: Final = 4096
"""The most characters of one expression."""


class ExpressionFailed(Exception):
    """An expression has no value; `message` says why, `offset` where in the text that was given."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Embedded:
    """One `${{ source }}` at `text[start:end]`; `source` is what stands between, white space and all."""

    start: int
    end: int
    source: str

    @property
    def inside(self) -> int:
        """The offset of `source` in the text: add the offset of a problem to it."""
        bare = self.end - self.start == len(self.source)
        return self.start if bare else self.start + 3


def find(text: str) -> tuple[Embedded, ...]:
    """Every `${{ ... }}`; `$${{` is text. Raises ExpressionFailed for one that is not closed."""
    found: list[Embedded] = []
    start = text.find("${{")
    while start >= 0:
        end = start + 3
        if start == 0 or text[start - 1] != "$":
            end = _end(text, start)
            found.append(Embedded(start, end, text[start + 3 : end - 2]))
        start = text.find("${{", end)
    return tuple(found)


def condition(text: str) -> Embedded:
    """The expression of a field that is one as a whole (`when`), with or without `${{ }}` around it.

    Raises ExpressionFailed for expressions inside of text.
    """
    found = find(text)
    if not found:
        return Embedded(0, len(text), text)
    if len(found) == 1 and not (text[: found[0].start] + text[found[0].end :]).strip():
        return found[0]
    message = "A condition is one expression. Write all of it inside of one ${{ }}."
    raise ExpressionFailed(message, found[min(1, len(found) - 1)].start)


def _end(text: str, start: int) -> int:
    """Just behind the `}}` that closes the expression at `start`; braces and strings in CEL do not."""
    depth = 0
    limit = min(len(text), start + 3 + MAX_SOURCE + 2)
    for token in tokens(text, start + 3, limit):
        if token.text == "}" and depth == 0 and text.startswith("}}", token.start):
            return token.start + 2
        depth += (token.text == "{") - (token.text == "}")
    where = "" if limit == len(text) else f" within {MAX_SOURCE} characters"
    raise ExpressionFailed(f"The expression that begins here is not closed{where}. End it with }}}}.", start)
