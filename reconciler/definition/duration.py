"""Durations as people write them: `90s`, `5m`, `1h30m`, `0.5s`."""

from __future__ import annotations

import re

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dhms])")


def seconds(text: str) -> float:
    """The length of a duration that fits the schema."""
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
