"""Quantities as Kubernetes writes them: `500m`, `2`, `1Gi`, `1e3`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_PARTS = re.compile(r"([0-9.]+)([A-Za-z]*)([+-]?[0-9]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def amount(quantity: str | float) -> Decimal | None:
    """The amount that a quantity of the schema stands for; None where an expression will give it."""
    from decimal import Decimal  # most definitions name no quantity

    match = _PARTS.fullmatch(str(quantity))
    if match is None:
        return None
    number, unit, exponent = match.groups()
    if unit in _BINARY:
        return Decimal(number) * Decimal(1024 ** _BINARY[unit])
    # with digits after it, an E is no unit
    return Decimal(number).scaleb(int(exponent) if exponent else _DECIMAL[unit])
