"""A bound on how much an expression may build, known before it is evaluated.

A chain such as `['a'].map(x, x + x).map(x, x + x)...` doubles with every link and would take all
memory of the pass from 300 characters. The bound follows the text: a group weighs what its parts weigh
together, and a loop over what stands before it weighs its body once for the whole of that (a body
grows at least in proportion), and its constant part once for each turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.core.reference import MACROS
from reconciler.core.token import Token, tokens
from reconciler.core.values import MAX_UNITS

MAX_LOOPS: Final = 4
"""Loops within loops; each level is weighed twice, so this bounds the weighing too."""

_ITERATIONS = 10_000  # the library's own limit for one evaluation
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MAX_GROUPS = 64  # the library refuses deeper nesting (32) by itself


class _TooDeep(Exception):
    """The expression nests loops too deeply to say anything about it."""


def excess(text: str, sizes: Mapping[str, int]) -> str | None:
    """Why the expression must not be evaluated, as a sentence; None where it is harmless."""
    try:
        heavy = weight(text, sizes) > MAX_UNITS
    except _TooDeep:
        return f"The expression has loops within loops, more than {MAX_LOOPS} deep."
    return "The expression may build more than 16 MiB." if heavy else None


def weight(text: str, sizes: Mapping[str, int]) -> int:
    """The most units that evaluating `text` may build, given the weights of its variables."""
    return _Weighing(tuple(tokens(text))).group(0, sizes, 0, 0)[0]


class _Weighing:
    def __init__(self, found: Sequence[Token]) -> None:
        self._found = found

    def group(self, position: int, sizes: Mapping[str, int], groups: int, loops: int) -> tuple[int, int]:
        """The weight from `position` to the end of its group, and the position of what closes it."""
        if groups > _MAX_GROUPS or loops > MAX_LOOPS:
            raise _TooDeep
        total = 0
        while position < len(self._found) and self._found[position].text not in _CLOSING:
            token = self._found[position]
            if token.text in _OPENING and token.kind == "mark":
                added, position = self._inner(position, sizes, groups, loops, total)
                total += added
            elif token.kind != "mark":
                total += sizes.get(token.text, 8 + len(token.text))
            position += 1
        return total, position

    def _inner(
        self, position: int, sizes: Mapping[str, int], groups: int, loops: int, before: int
    ) -> tuple[int, int]:
        variable = self._loop_variable(position)
        if variable is None:
            inside, end = self.group(position + 1, sizes, groups + 1, loops)
            return inside + 8, end
        # [variable] [,] body: `before` bounds the range, whose items together weigh no more
        whole, end = self.group(position + 3, {**sizes, variable: before}, groups + 1, loops + 1)
        constant, _ = self.group(position + 3, {**sizes, variable: 0}, groups + 1, loops + 1)
        turns = before // 8 + 1
        return whole + constant * (turns if loops else min(turns, _ITERATIONS)), end

    def _loop_variable(self, position: int) -> str | None:
        around = [t.text for t in self._found[max(0, position - 2) : position + 3]]
        if len(around) == 5 and around[0] == "." and around[1] in MACROS and around[4] == ",":
            return around[3]
        return None
