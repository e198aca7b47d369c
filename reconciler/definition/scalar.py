"""What a plain scalar means: YAML 1.2's core schema, without the parts that surprise people.

`on`, `yes`, `no`, dates, `1:30`, `1_000`, `0x1f` and numbers with a leading zero (`010`, a postal code)
are text. Whole numbers must fit 64 bits, since expressions compute with those; infinities are refused.
"""

from __future__ import annotations

import math
import re

from reconciler.model.workflow import Value

SPECIAL = frozenset("-+.0123456789~nNtTfF")
"""The first characters of everything that is not text; all other scalars need no look."""

_CONSTANTS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGITS = 19  # of 2**63, so that int() is never asked to read a million of them


class NotRepresentable(ValueError):
    """A number that JSON or 64 bits cannot hold."""


def resolve(text: str) -> Value:
    """The value of a plain scalar. Raises NotRepresentable."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in SPECIAL:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _DECIMAL.fullmatch(text):
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise NotRepresentable("Infinity and not-a-number are no values here. In quotes it is text.")
    return text


def _integer(text: str) -> int:
    value = int(text) if len(text) <= _DIGITS + 1 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise NotRepresentable("The whole number does not fit 64 bits. In quotes it is text.")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotRepresentable("The number is too large. In quotes it is text.")
    return value
