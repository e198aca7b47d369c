"""The schema's errors in words for people: what must stand there, what does, and what was probably meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.core.suggest import suggest
from reconciler.definition import scalar
from reconciler.definition.schema import SchemaError
from reconciler.definition.words import clean, cut, kind, listed, show

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_PUNCTUATION = frozenset(",[]{}\"'#:&*!|>%@`$")
_TRUE, _FALSE = ("yes", "on", "y", "true", "1"), ("no", "off", "n", "false", "0")


def of(error: SchemaError) -> tuple[str, str]:
    """Code and sentence for one error."""
    code, sentence = _RULES.get(error.rule, ("Invalid", _other))
    return code, sentence(error)


def _type(error: SchemaError) -> str:
    value = error.instance
    names = error.wanted if isinstance(error.wanted, list) else [error.wanted]
    wanted = listed((_TYPES[name] for name in names), "or")
    found = "there is no value here" if value is None else f"this is {_found(value)}"
    hint = _retype(value, names, error.schema.get("pattern", ""))
    return f"Must be {wanted}, and {found}.{hint}{_rule(error)}"


def _found(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return clean(json.dumps(value))
    return f"the text {show(value)}" if isinstance(value, str) else kind(value)


def _retype(value: Any, names: list[str], pattern: str) -> str:
    """How the same value would be written in the right type."""
    if "string" in names and isinstance(value, bool | int | float):
        quoted = json.dumps(value)
        return f' Write it in quotes: "{quoted}".' if re.search(pattern, quoted) else ""
    if "array" in names and isinstance(value, str) and len(value) <= 40 and not _PUNCTUATION & {*value}:
        return f" Did you mean [{', '.join(clean(value).split())}]?"
    if "boolean" in names and isinstance(value, str) and value.lower() in (*_TRUE, *_FALSE):
        return f" Did you mean {str(value.lower() in _TRUE).lower()}?"
    if {"integer", "number"} & {*names} and isinstance(value, str) and _is_number(value):
        return " Write it without quotes."
    return ""


def _is_number(text: str) -> bool:
    try:
        return not isinstance(scalar.resolve(text), str | bool | None)
    except scalar.NotRepresentable:
        return False


def _rule(error: SchemaError) -> str:
    """What the schema says to people about values of this kind."""
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    return f" {schema['patternErrorMessage']}" if "patternErrorMessage" in schema else ""


def _enum(error: SchemaError) -> str:
    choices = error.wanted
    meant = _choice(error.instance, choices) if isinstance(error.instance, str) else None
    hint = f" Did you mean '{meant}'?" if meant else ""
    return f"Must be one of {listed(choices, 'or')}, not {show(error.instance)}.{hint}"


def _choice(written: str, choices: list[str]) -> str | None:
    """`int` stands for `integer`, besides what is spelled alike."""
    longer = [choice for choice in choices if len(written) > 2 and choice.startswith(written.lower())]
    return suggest(written, choices) or next(iter(longer), None)


def _const(error: SchemaError) -> str:
    return f"Must be {show(error.wanted)}, not {show(error.instance)}."


def _required(error: SchemaError) -> str:
    return f"The key {show(error.missing)} is missing."


def _one_of(error: SchemaError) -> str:
    keys = [show(key) for branch in error.wanted for key in branch.get("required", ())]
    return f"Must have exactly one of {listed(keys)}."


def _not(error: SchemaError) -> str:
    return f"{listed(show(key) for key in error.wanted.get('required', ()))} exclude each other."


def _dependent(error: SchemaError) -> str:
    for key, wanted in error.wanted.items():
        if key in error.instance and (absent := [name for name in wanted if name not in error.instance]):
            return f"{show(key)} means nothing without {listed(map(show, absent))}."
    return _other(error)


def _pattern(error: SchemaError) -> str:
    return f"{show(error.instance)} cannot stand here.{_rule(error)}"


def _few(error: SchemaError) -> str:
    what = {"minLength": "characters", "minItems": "entries", "minProperties": "entries"}[error.rule]
    return f"Must have at least {error.wanted} {what}." if error.instance else "May not be empty."


def _many(error: SchemaError) -> str:
    what = {"maxLength": "characters", "maxItems": "entries", "maxProperties": "entries"}[error.rule]
    return f"May have at most {error.wanted} {what}, and has {len(error.instance)}."


def _unique(error: SchemaError) -> str:
    seen: list[Any] = []
    for item in error.instance:
        if item in seen:
            return f"{show(item)} stands here twice."
        seen.append(item)
    return _other(error)


def _other(error: SchemaError) -> str:
    return f"This does not fit the schema: {clean(cut(error.message, 200))}."


_RULES: dict[str, tuple[str, Callable[[SchemaError], str]]] = {
    "type": ("WrongType", _type),
    "enum": ("UnknownValue", _enum),
    "const": ("UnknownValue", _const),
    "required": ("MissingKey", _required),
    "oneOf": ("Contradiction", _one_of),
    "not": ("Contradiction", _not),
    "dependentRequired": ("Contradiction", _dependent),
    "pattern": ("InvalidText", _pattern),
    "minLength": ("TooShort", _few),
    "minItems": ("TooShort", _few),
    "minProperties": ("TooShort", _few),
    "maxLength": ("TooLong", _many),
    "maxItems": ("TooLong", _many),
    "maxProperties": ("TooLong", _many),
    "minimum": (
        "OutOfRange",
        lambda error: f"Must be at least {error.wanted}, not {show(error.instance)}.",
    ),
    "maximum": (
        "OutOfRange",
        lambda error: f"Must be at most {error.wanted}, not {show(error.instance)}.",
    ),
    "uniqueItems": ("Duplicate", _unique),
}
