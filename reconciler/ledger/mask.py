"""Known secrets out of a record before anything is made of it.

A step can print a secret into a message, name a file after it, or give it as an output. Identity,
times and checksums are left alone: they were made by the reconciler from what stands in the
repository, and a run that loses its id would be published twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from reconciler.ledger import values
from reconciler.ledger.record import Record

MASK: Final = "***"

_kept: Final = frozenset(
    {"apiVersion", "kind", "id", "workflow", "number", "phase", "trigger", "revision", "digest"}
    | {"createdAt", "startedAt", "finishedAt", "notBefore", "duration", "failure", "exitCode"}
    | {"size", "sha256", "form", "executable", "parts", "engine"}
)
_line_worth_masking: Final = 8


def mask(text: str, secrets: Collection[str]) -> str:
    """`text` with every secret, whole or as a line of its own, replaced by `***`."""
    return _masked_text(text, _needles(secrets))


def masked(record: Mapping[str, Any], secrets: Collection[str]) -> Record:
    """`record` without any of the secrets, in names as in values."""
    needles = _needles(secrets)
    return _masked_fields(record, needles) if needles else dict(record)


def _needles(secrets: Collection[str]) -> Sequence[str]:
    """What to look for, longest first; of a secret of several lines (a key file) also each long line."""
    whole = {secret for secret in secrets if secret}
    lines = {line.strip() for secret in whole for line in secret.splitlines()}
    return sorted(
        whole | {line for line in lines if len(line) >= _line_worth_masking}, key=lambda s: (-len(s), s)
    )


def _masked_fields(fields: Mapping[str, Any], needles: Sequence[str]) -> Record:
    return {
        key: value if key in _kept else _masked_field(key, value, needles) for key, value in fields.items()
    }


def _masked_field(key: str, value: Any, needles: Sequence[str]) -> Any:
    match key, value:
        case "steps" | "artifacts", Mapping():
            inner = [_masked_fields(entry, needles) for entry in value.values()]
            return dict(zip(_masked_names(value, needles), inner, strict=True))
        case "cutParameters", Mapping():
            return dict(zip(_masked_names(value, needles), value.values(), strict=True))
        case "attempts", list():
            return [_masked_fields(attempt, needles) for attempt in value]
        case "outputs" | "log" | "store", Mapping():
            return _masked_fields(value, needles)
    return _masked_value(value, needles)


def _masked_value(value: Any, needles: Sequence[str]) -> Any:
    """A value in which any key, text or number may be a secret."""
    if isinstance(value, str):
        return _masked_text(value, needles)
    if isinstance(value, Mapping):
        inner = [_masked_value(entry, needles) for entry in value.values()]
        return dict(zip(_masked_names(value, needles), inner, strict=True))
    if isinstance(value, list):
        return [_masked_value(entry, needles) for entry in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in needles:
        return MASK
    return value


def _masked_names(named: Iterable[str], needles: Sequence[str]) -> list[str]:
    """Two names that become the same stay two."""
    names: list[str] = []
    for name in named:
        hidden = _masked_text(name, needles)
        names.append(hidden if hidden not in names else f"{hidden}-{len(names)}")
    return names


def _masked_text(text: str, needles: Sequence[str]) -> str:
    for needle in needles:
        text = text.replace(needle, MASK)
    if text.endswith(values.CUT):
        return _masked_end(text.removesuffix(values.CUT), needles) + values.CUT
    return text


def _masked_end(text: str, needles: Sequence[str]) -> str:
    """A text that was cut may end inside a secret."""
    for needle in needles:
        for length in range(min(len(needle), len(text)), 0, -1):
            if text.endswith(needle[:length]):
                return text[:-length] + MASK
    return text
