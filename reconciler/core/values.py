"""Parameter values: from text, to text, and whether a value is what its declaration asks for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.core.size import MAX_TEXT, ValueRefused, measure, shown
from reconciler.model.workflow import Parameter, Value

__all__ = ["ValueRefused", "accepts", "coerce", "env_name", "parse_text", "to_text", "type_of"]

_MAX_MATCHING: Final = 4 * 2**20  # characters of text times those of the pattern: seconds, at the very worst
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INT64 = 2**63


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
        raise ValueRefused(f"{shown(text)} is not an integer")
    return int(text)


def _number(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueRefused(f"{shown(text)} is not a finite number")
    return value


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueRefused(f"{shown(text)} is neither true nor false")
    return text == "true"


def _json(text: str, kind: type, word: str) -> Value:
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueRefused(f"{shown(text)} is not JSON") from error
    if not isinstance(value, kind):
        raise ValueRefused(f"{shown(text)} is not {word}")
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
            return f"{shown(to_text(value))} is refused for '{parameter.name}': {reason}."
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
    return f"it must be one of {shown(', '.join(to_text(e) for e in parameter.enum), 200)}"


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
    if cel.full_match(parameter.pattern, value) is True:
        return None
    return f"it must match the pattern {shown(parameter.pattern, 200)}"
