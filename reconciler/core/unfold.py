"""CEL values as JSON values.

Taken apart level by level against a budget: parts that are shared in the library's memory, as in
`[x, x]` of `[x, x]`, would otherwise become exponentially many here. Keys are sorted, because the
library gives them in another order in every process.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.core.size import MAX_DEPTH, MAX_UNITS, ValueRefused, measure
from reconciler.model.workflow import Value


def unfold(outcome: Any) -> Value:
    """The JSON value of a CEL value; raises ValueRefused where there is none."""
    value = _Unfolding().value(outcome, 0)
    measure(value)
    return value


class _Unfolding:
    def __init__(self) -> None:
        self._left = MAX_UNITS

    def value(self, outcome: Any, depth: int) -> Value:
        value = outcome.value()
        self._left -= 8 + (len(value) if isinstance(value, str | bytes | bytearray) else 0)
        if self._left < 0:
            raise ValueRefused("it is larger than 16 MiB")
        if depth > MAX_DEPTH:
            raise ValueRefused(f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {key: self.value(value[key], depth + 1) for key in sorted(value, key=str)}
        return _scalar(value)


def _scalar(value: Any) -> Value:
    if isinstance(value, datetime):
        timespec = "milliseconds" if value.microsecond else "seconds"
        return value.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return _seconds(value)
    if isinstance(value, bytes | bytearray):
        raise ValueRefused("bytes are not a JSON value")
    return value


def _seconds(span: timedelta) -> str:
    """As CEL's own string() writes it: "90s", "1.5s"."""
    sign = "-" if span < timedelta() else ""
    whole, micro = divmod(abs(span) // timedelta(microseconds=1), 1_000_000)
    fraction = f".{micro:06}".rstrip("0") if micro else ""
    return f"{sign}{whole}{fraction}s"
