"""How large a value is, and what no value may be.

Values come from files that steps wrote and from repositories; what they may hold is decided here once,
before anything copies them, nests into them or hands them to a library.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from reconciler.model.workflow import Value

MAX_DEPTH: Final = 64
MAX_TEXT: Final = 16 * 2**20
"""The most characters that one value may have as text."""

MAX_UNITS: Final = 8 + MAX_TEXT
"""The most that a value may weigh: 8 for each scalar, key, list or object, and 1 for each character."""

LEVELS: Final = 8  # of nesting that a Size tells apart
_INT64 = 2**63
_SHORT = 40
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class ValueRefused(Exception):
    """A value is not what it must be; the text says why."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a value weighs against MAX_UNITS, and how long its lists and objects are.

    `items[0]` is the most items that any of them has, `items[1]` any below the outermost, and so on.
    """

    units: int
    items: tuple[int, ...] = (0,) * LEVELS

    def __add__(self, other: Size) -> Size:
        return Size(self.units + other.units, tuple(map(operator.add, self.items, other.items)))


def measure(value: Value) -> Size:
    """The size of a value; raises ValueRefused for what no value may be."""
    units, longest = 0, [0] * LEVELS
    stack: list[tuple[Value, int]] = [(value, 0)]
    while stack:
        part, depth = stack.pop()
        units += 8
        if isinstance(part, str):
            units += _text_units(part)
        elif isinstance(part, list | dict):
            inner = part.values() if isinstance(part, dict) else part
            units += sum(8 + _text_units(key) for key in part) if isinstance(part, dict) else 0
            longest[min(depth, LEVELS - 1)] = max(longest[min(depth, LEVELS - 1)], len(part))
            stack.extend((each, depth + 1) for each in inner)
        else:
            _require_scalar(part)
        if depth > MAX_DEPTH:
            raise ValueRefused(f"it is nested deeper than {MAX_DEPTH} levels")
        if units > MAX_UNITS:
            raise ValueRefused("it is larger than 16 MiB")
    return Size(units, tuple(accumulate(reversed(longest), max))[::-1])


def _text_units(text: Any) -> int:
    if not isinstance(text, str):
        raise ValueRefused(f"an object's key must be a string, and {shown(str(text))} is not")
    if "\0" in text:
        raise ValueRefused("it holds a NUL character")
    if _LONE_SURROGATE.search(text):
        raise ValueRefused("it holds half of a surrogate pair, which is no character")
    return len(text)


def _require_scalar(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueRefused("a number must be finite")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise ValueRefused("an integer must fit in 64 bits")
    if value is not None and not isinstance(value, bool | int | float):
        raise ValueRefused(f"a {type(value).__name__} is not a JSON value")


def shown(text: str, width: int = _SHORT) -> str:
    """Text for a message: quoted, on one line, cut."""
    line = text if len(text) <= width else f"{text[:width]}..."
    return repr(line)
