"""Parameter values as the ledger keeps them: JSON that every reader can take, none of it huge.

A value of 16 MiB belongs into the artifact store; in a commit it would stay for ever. What is too
long is kept as the beginning of its text, and its full length is recorded beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from reconciler.model.workflow import Value

LIMIT: Final = 4096
"""Characters of JSON that one value may take."""

SHARED: Final = 1 << 20
"""Characters that all values of a run share; with many values each may take less, never below `FLOOR`."""

FLOOR: Final = 64
DEPTH: Final = 64
CUT: Final = " ... (cut)"


def limit_for(count: int) -> int:
    """Characters that each of `count` values may take."""
    return min(LIMIT, max(FLOOR, SHARED // max(1, count)))


def kept(values: Mapping[str, Value], limit: int = LIMIT) -> tuple[dict[str, Value], dict[str, int]]:
    """The values to record, by name, and the full length of those that had to be cut."""
    recorded: dict[str, Value] = {}
    cut: dict[str, int] = {}
    for name in sorted(values):
        value = _sound(values[name])
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) > limit:
            cut[name] = len(text)
            value = text[:limit] + CUT
        recorded[name] = value
    return recorded, cut


def shortened(text: str, limit: int = LIMIT) -> str:
    """A message that fits."""
    return text if len(text) <= limit else text[:limit] + CUT


def _sound(value: Value, depth: int = 0) -> Any:
    """`value` without what JSON or a recursive reader cannot take: NaN, infinity, depths beyond `DEPTH`."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, Mapping | list | tuple):
        if depth == DEPTH:
            return CUT.strip()
        if isinstance(value, Mapping):
            return {str(key): _sound(inner, depth + 1) for key, inner in value.items()}
        return [_sound(inner, depth + 1) for inner in value]
    return value
