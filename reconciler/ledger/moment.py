"""Times and durations as the ledger writes them: RFC 3339 for machines, `3m12s` for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.model.codec import to_rfc3339

stamp = to_rfc3339
"""`2026-11-23T17:03:39.120Z`."""


def read(text: str) -> datetime:
    """What `stamp` wrote; ValueError for anything that is not a time with its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time '{text}' has no zone")
    return moment.astimezone(UTC)


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """From `start` to `end` in milliseconds' precision; None while one of them is open."""
    if start is None or end is None:
        return None
    return max(0.0, round((end - start).total_seconds(), 3))


def elapsed(text: str) -> timedelta:
    """What `seconds` gave, from its text; ValueError for anything else."""
    try:
        return timedelta(seconds=float(text))
    except OverflowError as exc:
        raise ValueError(f"{text:.40} seconds are too many") from exc


def took(duration: float | None) -> str:
    """A duration for people, in two units at most: `85ms`, `4.2s`, `3m12s`, `1h05m`, `2d03h`."""
    if duration is None:
        return "-"
    if duration < 0.9995:
        return f"{round(duration * 1000)}ms"
    if duration < 9.95:
        return f"{duration:.1f}s"
    whole = round(duration)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
