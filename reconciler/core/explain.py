"""What the CEL library says, said so that the author of a workflow can act on it."""

from __future__ import annotations

import re
from collections.abc import Callable

_CODE = re.compile(r"^(?:[A-Z]+(?:_[A-Z]+)*: )+|\s*\[[A-Z_]+\]\s*$")
_TYPES = {
    "int": "integer",
    "uint": "unsigned integer",
    "int64": "integer",
    "uint64": "unsigned integer",
    "double": "number",
    "bool": "boolean",
    "string": "string",
    "bytes": "bytes",
    "null_type": "null",
    "dyn": "any",
    "map": "object",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
}
_OPERATORS = {"@in": "in", "_[_]": "[ ]", "_?_:_": "? :", "<jump_condition>": "? :"}


def without_codes(text: str) -> str:
    """The words without `INVALID_ARGUMENT:` before and `[INVALID_ARGUMENT]` behind."""
    return _CODE.sub("", _CODE.sub("", text.strip())).strip()


def for_people(text: str) -> str:
    """A sentence for the library's words; its own words where nothing better is known."""
    for pattern, say in _SENTENCES:
        if match := re.search(pattern, text, re.DOTALL):
            return say(match)
    plain = text.splitlines()[0].removeprefix("Syntax error: ") if text else "it cannot be understood"
    return f"{plain[:1].upper()}{plain[1:300]}."


def _no_overload(match: re.Match[str]) -> str:
    operator = _OPERATORS.get(match[1], match[1].strip("_"))
    types = [
        _type_name(t) for t in re.findall(r"[\w.@*]+(?:\([^()]*(?:\([^()]*\))?[^()]*\))?", match[2] or "")
    ]
    told = " and ".join(types) if len(types) < 3 else ", ".join(types)
    return f"'{operator}' cannot be applied to {told or 'these values'}.{_advice(operator, types)}"


def _advice(operator: str, types: list[str]) -> str:
    pair = set(types)
    if pair == {"integer", "number"}:
        return " Both sides must be of one type: write 2.0 for 2, or double(x)."
    if operator == "+" and "string" in pair and pair & {"integer", "number", "boolean"}:
        return " Write string(x) to make text of a value."
    if operator in ("!", "&&", "||") or (operator == "? :" and types[:1] != ["boolean"]):
        return " The conditions must be boolean: compare, as in x == 1 or x != ''."
    if operator == "? :":
        return " Both outcomes must be of one type."
    return ""


def _type_name(text: str) -> str:
    name = text.partition("(")[0].strip()
    return _TYPES.get(name, name)


def _unexpected(match: re.Match[str]) -> str:
    if match[1] == "<EOF>":
        return "The expression ends too early."
    return f"'{match[1]}' is not expected here.{_WRITTEN_IN_CEL.get(match[1], '')}"


def _left_out(match: re.Match[str]) -> str:
    place = "at the end" if match[2] == "<EOF>" else f"before '{match[2]}'"
    return f"'{match[1]}' is missing {place}."


_WRITTEN_IN_CEL = {
    "and": " Write && for and.",
    "or": " Write || for or.",
    "not": " Write ! for not.",
    "?": " CEL has only `condition ? this : that`.",
}


def _unreadable(match: re.Match[str]) -> str:
    text = match[1].strip(" ")
    if text[:1] in ("'", '"'):
        return "The string that begins here is not closed."
    if text == "=":
        return "'=' is not an operator. Write == to compare."
    return f"{text!r} is not expected here."


_SENTENCES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"no matching overload for '(.+?)' applied to '\((.*)\)'", _no_overload),
    (r"No matching overloads found : ([^\s(]+)(?:\((.*)\))?", _no_overload),
    (r"token recognition error at: '(.*)'$", _unreadable),
    (r"(?:mismatched|extraneous) input '(.*?)' expecting", _unexpected),
    (r"missing '(.*?)' at '(.*?)'", _left_out),
    (r"no viable alternative at input '(.*)'", _unexpected),
    (r"undeclared reference to '([^']*)'", lambda m: f"Nothing is called '{m[1]}'."),
    (r"reserved identifier: (\w+)", lambda m: f"'{m[1]}' is a reserved word."),
    (
        r"expression of type '(.*?)' cannot be the operand of a select",
        lambda m: f"A value of type {_type_name(m[1])} has no fields.",
    ),
    (
        r"expression of type '(.*?)' cannot be the range of a comprehension",
        lambda m: f"A value of type {_type_name(m[1])} cannot be looped over; a list or an object can.",
    ),
    (r"recursion (?:depth|limit)", lambda m: "The expression is nested too deeply (32 levels)."),
    (r"Iteration budget exceeded", lambda m: "The expression loops more than 10,000 times."),
    (r"Key not found in map : (.*)$", lambda m: f"There is no key {m[1]}."),
    (r"Index error: index=(-?\d+) size=(\d+)", lambda m: f"There is no item {m[1]} in a list of {m[2]}."),
    (r"divide by zero|modulus by zero", lambda m: "Division by zero."),
    (
        r"integer overflow|out of int64 range|too big to convert",
        lambda m: "An integer must fit in 64 bits.",
    ),
    (r"invalid int literal", lambda m: "An integer must fit in 64 bits."),
    (r"invalid regular expression: (.*)$", lambda m: f"The regular expression is invalid: {m[1][:200]}."),
    (r"duplicate key in map", lambda m: "A key stands twice in one object."),
    (
        r"has\(\) (?:argument|macro)|invalid argument to has",
        lambda m: "has() takes a field, as in has(x.name) or has(steps.train.outputs.accuracy).",
    ),
    (
        r"variable name must be a simple identifier",
        lambda m: "The loop's first argument must be a plain name.",
    ),
)
