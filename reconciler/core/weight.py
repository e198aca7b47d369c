"""A bound on what an expression may cost, known before it is evaluated.

A chain such as `['a'].map(x, x + x).map(x, x + x)...` doubles with every link and would take all
memory of the pass from 300 characters. The bound follows the text: a group costs what its parts cost
together, and a loop over what stands before it costs its body once for the whole of that (the cost of
a body grows at least in proportion) and the constant part of its body for each turn. Measured, and
charged: `map` and `filter` copy their result at each turn, `matches` takes text times pattern.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.core.reference import MACROS
from reconciler.core.token import Token, tokens
from reconciler.core.values import MAX_UNITS, Size

MAX_LOOPS: Final = 4
"""Loops within loops; each level is weighed twice, so this bounds the weighing too."""

_ITERATIONS = 10_000  # the library's own limit for one evaluation
_COPYING = frozenset({"map", "filter"})
_COPY_UNITS = 2  # 15 bytes for each pair of items, and a unit is about 8
_MATCH_UNITS = 4  # 5 ns for a character and a state; a character of a pattern makes up to 150 states
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MAX_GROUPS = 64  # the library refuses deeper nesting (32) by itself


class _TooDeep(Exception):
    """The expression nests loops too deeply to say anything about it."""


def excess(text: str, sizes: Mapping[str, Size]) -> str | None:
    """Why an expression with variables of these sizes must not be evaluated; None where it is harmless."""
    try:
        cost = _Weighing(tuple(tokens(text)), 0).group(0, sizes, 0)[0]
    except _TooDeep:
        return f"The expression has loops within loops, more than {MAX_LOOPS} deep."
    return "The expression may take more than 16 MiB." if cost.units > MAX_UNITS else None


class _Weighing:
    """One level of loops."""

    def __init__(self, found: Sequence[Token], loops: int) -> None:
        if loops > MAX_LOOPS:
            raise _TooDeep
        self._found = found
        self._loops = loops

    def group(self, position: int, sizes: Mapping[str, Size], groups: int) -> tuple[Size, int]:
        """What stands from `position` to the end of its group, and the position of what closes it."""
        if groups > _MAX_GROUPS:
            raise _TooDeep
        total = Size(0, 0)
        while position < len(self._found) and self._found[position].text not in _CLOSING:
            token = self._found[position]
            if token.kind == "mark" and token.text in _OPENING:
                added, position = self._brackets(position, sizes, groups + 1, total)
                total += added
            elif token.kind != "mark":
                total += sizes.get(token.text, Size(8 + len(token.text), 1))
            position += 1
        return total, position

    def _brackets(
        self, position: int, sizes: Mapping[str, Size], groups: int, before: Size
    ) -> tuple[Size, int]:
        if self._is_loop(position):
            return self._loop(position, sizes, groups, before)
        inside, end = self.group(position + 1, sizes, groups)
        matching = self._text(position - 1) == "matches"
        effort = (before + inside).units * inside.units * _MATCH_UNITS if matching else 8
        return inside + Size(effort, 0), end

    def _loop(self, position: int, sizes: Mapping[str, Size], groups: int, before: Size) -> tuple[Size, int]:
        """`.map(variable, body)`: what stands before bounds the range, and all items together."""
        variable, macro = self._text(position + 1), self._text(position - 1)
        body = _Weighing(self._found, self._loops + 1)
        whole, end = body.group(position + 3, {**sizes, variable: before}, groups)
        constant, _ = body.group(position + 3, {**sizes, variable: Size(0, before.items)}, groups)
        turns = min(before.items, _ITERATIONS)
        copies = turns * turns * _COPY_UNITS if macro in _COPYING else 0
        return Size(whole.units + constant.units * turns + copies, whole.items), end

    def _is_loop(self, position: int) -> bool:
        is_macro = self._text(position - 2) == "." and self._text(position - 1) in MACROS
        return is_macro and self._text(position + 2) == ","

    def _text(self, position: int) -> str:
        return self._found[position].text if 0 <= position < len(self._found) else ""
