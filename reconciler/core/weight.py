"""A bound on what an expression may cost, known before it is evaluated.

A chain such as `['a'].map(x, x + x).map(x, x + x)...` doubles with every link and would take all
memory of the pass from 300 characters. The bound follows the text: a group makes no more than its parts
together, and a loop over what stands before it makes its body once for the whole of that (what a body
makes grows at least in proportion) and the constant part of its body for each turn. Measured, and
charged beside: `map` and `filter` copy their result at each turn, `matches` takes text times pattern.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reconciler.core.size import LEVELS, MAX_UNITS, Size
from reconciler.core.token import Token, is_loop, text_at, tokens

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


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a part of the text makes, and the effort of making it beyond that, in the same units."""

    size: Size
    effort: int = 0

    def __add__(self, other: _Cost) -> _Cost:
        return _Cost(self.size + other.size, self.effort + other.effort)

    @property
    def units(self) -> int:
        return self.size.units + self.effort


def excess(text: str, sizes: Mapping[str, Size]) -> str | None:
    """Why an expression with variables of these sizes must not be evaluated; None where it is harmless."""
    units = bound(text, sizes)
    if units is None:
        return f"The expression has loops within loops, more than {MAX_LOOPS} deep."
    return "The expression may take more than 16 MiB." if units > MAX_UNITS else None


def bound(text: str, sizes: Mapping[str, Size]) -> int | None:
    """The most units that evaluating the text may take; None where its loops are nested too deeply."""
    try:
        return _Weighing(_tokens(text), 0).group(0, sizes, 0)[0].units
    except _TooDeep:
        return None


@lru_cache(maxsize=1024)
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(tokens(text))


class _Weighing:
    """One level of loops."""

    def __init__(self, found: Sequence[Token], loops: int) -> None:
        if loops > MAX_LOOPS:
            raise _TooDeep
        self._found = found
        self._loops = loops

    def group(self, position: int, sizes: Mapping[str, Size], groups: int) -> tuple[_Cost, int]:
        """What stands from `position` to the end of its group, and the position of what closes it."""
        if groups > _MAX_GROUPS:
            raise _TooDeep
        total = _Cost(Size(0))
        while position < len(self._found) and self._found[position].text not in _CLOSING:
            token = self._found[position]
            if token.kind == "mark" and token.text in _OPENING:
                added, position = self._brackets(position, sizes, groups + 1, total.size)
                total += added
            elif token.kind != "mark":
                total += _Cost(sizes.get(token.text) or _word(token))
            position += 1
        return total, position

    def _brackets(
        self, position: int, sizes: Mapping[str, Size], groups: int, before: Size
    ) -> tuple[_Cost, int]:
        if is_loop(self._found, position):
            return self._loop(position, sizes, groups, before)
        inside, end = self.group(position + 1, sizes, groups)
        made, effort = inside.size, inside.effort
        if text_at(self._found, position - 1) == "matches":
            effort += (before + made).units * made.units * _MATCH_UNITS
        items = made.items if text_at(self._found, position) == "(" else _wrapped(made.items[0] + 1, made)
        return _Cost(Size(made.units + 8, items), effort), end

    def _loop(self, position: int, sizes: Mapping[str, Size], groups: int, before: Size) -> tuple[_Cost, int]:
        """`.map(variable, body)`: what stands before bounds the range, and all items together."""
        variable, macro = text_at(self._found, position + 1), text_at(self._found, position - 1)
        items = (*before.items[1:], before.items[-1])
        body = _Weighing(self._found, self._loops + 1)
        whole, end = body.group(position + 3, {**sizes, variable: Size(before.units, items)}, groups)
        constant, _ = body.group(position + 3, {**sizes, variable: Size(0, items)}, groups)
        turns = min(before.items[0], _ITERATIONS)
        copies = turns * turns * _COPY_UNITS if macro in _COPYING else 0
        effort = whole.effort + constant.effort * turns + copies
        made = _wrapped(turns, whole.size) if macro == "map" else before.items
        return _Cost(Size(whole.size.units + constant.size.units * turns, made), effort), end


def _word(token: Token) -> Size:
    """A literal, a name or a key: perhaps one item of the list that it stands in."""
    return Size(8 + len(token.text), (1,) * LEVELS)


def _wrapped(length: int, inner: Size) -> tuple[int, ...]:
    """The items of a list of `length` that holds what is inside."""
    return (max(length, inner.items[0]), *inner.items[:-1])
