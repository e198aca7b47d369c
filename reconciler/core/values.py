"""Parameter values: from text, to text, and whether a value is what its declaration asks for."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from reconciler.model.workflow import Parameter, Value

MAX_DEPTH: Final = 64
MAX_UNITS: Final = 16 * 2**20
"""The most that a value may weigh: 8 for each scalar, key, list or object, and 1 for each character."""

LEVELS: Final = 8  # of nesting that a Size tells apart
MAX_TEXT: Final = 2**20
_MAX_MATCHING: Final = 4 * 2**20  # characters of text times those of the pattern: seconds, at the very worst
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INT64 = 2**63
_SHORT = 40
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class ValueRefused(Exception):
    """A value is not what it must be; the text says why."""


def type_of(value: Value) -> str | None:
    """Our name for the type of a JSON value; None for null and for what is not JSON."""
    for kind, name in _TYPES.items():
        if isinstance(value, kind):
            return name
    return None


_TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",  # before int, which it is a kind of
    str: "string",
    int: "integer",
    float: "number",
    list: "list",
    dict: "object",
}


def coerce(value: Value, type_name: str | None) -> Value:
    """A whole number becomes a float where a number is declared; everything else stays."""
    if type_name == "number" and type(value) is int and abs(value) < _INT64:
        return float(value)
    return value


def parse_text(text: str, type_name: str) -> Value:
    """The value that a step wrote to a file; raises ValueRefused.

    One line end after it is dropped (every `echo` writes one); for types other than string, all
    white space around it.
    """
    if len(text) > MAX_TEXT:
        raise ValueRefused(f"it is longer than {MAX_TEXT} characters")
    if type_name == "string":
        value: Value = text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
    else:
        value = _PARSERS[type_name](text.strip())
    measure(value)
    return value


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueRefused(f"{_shown(text)} is not an integer")
    return int(text)


def _number(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueRefused(f"{_shown(text)} is not a finite number")
    return value


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueRefused(f"{_shown(text)} is neither true nor false")
    return text == "true"


def _json(text: str, kind: type, word: str) -> Value:
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueRefused(f"{_shown(text)} is not JSON") from error
    if not isinstance(value, kind):
        raise ValueRefused(f"{_shown(text)} is not {word}")
    return value


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueRefused("a key stands twice in one object")
    return value


_PARSERS: Final[Mapping[str, Callable[[str], Value]]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "list": lambda text: _json(text, list, "a list"),
    "object": lambda text: _json(text, dict, "an object"),
}


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
        raise ValueRefused(f"an object's key must be a string, and {_shown(str(text))} is not")
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


def to_text(value: Value) -> str:
    """The value as people and programs read it: a string as it is, null as nothing, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def env_name(prefix: str, name: str) -> str:
    """The environment variable of a parameter: `env_name("PARAM", "epochs")` is PARAM_EPOCHS."""
    return f"{prefix}_{name.upper()}"


def accepts(value: Value, parameter: Parameter) -> str | None:
    """Why the parameter does not take the value, as a sentence; None if it does."""
    try:
        measure(value)
    except ValueRefused as refused:
        return f"The value of '{parameter.name}' is refused: {refused}."
    for rule in (_wrong_type, _not_listed, _out_of_range, _no_match):
        if reason := rule(value, parameter):
            return f"{_shown(to_text(value))} is refused for '{parameter.name}': {reason}."
    return None


def _wrong_type(value: Value, parameter: Parameter) -> str | None:
    found = type_of(value)
    if found == parameter.type or (found == "integer" and parameter.type == "number"):
        return None
    return f"it must be of type {parameter.type}, and this is {found or 'null'}"


def _not_listed(value: Value, parameter: Parameter) -> str | None:
    # 1 and True are equal in Python, and not in JSON
    if not parameter.enum or any(value == e and type_of(value) == type_of(e) for e in parameter.enum):
        return None
    if parameter.type == "number" and any(value == e for e in parameter.enum):
        return None
    return f"it must be one of {_shown(', '.join(to_text(e) for e in parameter.enum), 200)}"


def _out_of_range(value: Value, parameter: Parameter) -> str | None:
    if type_of(value) not in ("integer", "number"):
        return None
    if parameter.minimum is not None and value < parameter.minimum:
        return f"it must be at least {to_text(parameter.minimum)}"
    if parameter.maximum is not None and value > parameter.maximum:
        return f"it must be at most {to_text(parameter.maximum)}"
    return None


def _no_match(value: Value, parameter: Parameter) -> str | None:
    if parameter.pattern is None or not isinstance(value, str):
        return None
    from reconciler.core import cel  # cel refuses values with this module's help, so it comes second

    if wrong := cel.pattern_problem(parameter.pattern):
        return f"its pattern cannot be used: {wrong.rstrip('.')}"
    if len(parameter.pattern) * len(value) > _MAX_MATCHING:
        return "it is too long to be matched with the pattern"
    if cel.full_match(parameter.pattern, value):
        return None
    return f"it must match the pattern {_shown(parameter.pattern, 200)}"


def _shown(text: str, width: int = _SHORT) -> str:
    """Text for a message: quoted, on one line, cut."""
    line = text if len(text) <= width else f"{text[:width]}..."
    return repr(line)
