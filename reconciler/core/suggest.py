"""Guess what a person meant: one function, so that every "did you mean" speaks alike."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_CANDIDATES = 2_000  # enough for any honest file, and a bound on what a hostile one can cost
_NAME_LENGTH = 128


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` most likely stands for, or None; the first of equals wins."""
    if len(name) > _NAME_LENGTH:
        return None
    near = [c for c in islice(candidates, _CANDIDATES) if abs(len(c) - len(name)) <= max(2, len(name) // 2)]
    folded = _folded(name)
    for candidate in near:
        if _folded(candidate) == folded and candidate != name:
            return candidate
    matches = get_close_matches(name, [c for c in near if c != name], n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The suggestion as a sentence with a space before it, ready to be appended; else empty."""
    match = suggest(name, candidates)
    return f" Did you mean '{match}'?" if match else ""


def _folded(name: str) -> str:
    """Camel, snake and kebab case of the same words fold to the same text."""
    return name.replace("_", "").replace("-", "").lower()
