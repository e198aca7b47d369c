"""How values of a document are shown to people: short, as JSON spells them, harmless to a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

Path = tuple[str | int, ...]
"""The way from the root of a document to a value in it."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST = 60


def show(value: Any) -> str:
    """A name or value in single quotes; what is not text in JSON's spelling, without quotes."""
    if isinstance(value, str):
        return f"'{clean(cut(value))}'"
    if isinstance(value, dict | list) and len(value) > 20:
        return f"{kind(value)} of {len(value)}"
    return clean(cut(json.dumps(value, ensure_ascii=False)))


def kind(value: Any) -> str:
    """What a value is, in the words of YAML."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def clean(text: str) -> str:
    """`text` with every character escaped that could move the cursor, hide something or turn the line."""
    return _UNSAFE.sub(_escaped, text)


def cut(text: str, length: int = _LONGEST) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def where(path: Path) -> str:
    """`$.spec.steps.train.needs[0]`."""
    parts = ["$"]
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif _SIMPLE.fullmatch(part):
            parts.append(f".{part}")
        else:
            parts.append(f"[{show(part)}]")
    return "".join(parts)


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    words: Sequence[str] = list(names)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )
