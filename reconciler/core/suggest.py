"""Guess what a person meant: one function, so that every "did you mean" speaks alike.

A file may hold ten thousand names and as many mistakes. So one slip of the keyboard is looked up rather
than searched for, and only a few hundred candidates are compared for more than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from string import ascii_letters, digits

_CANDIDATES = 20_000
_COMPARED = 300
_NAME_LENGTH = 64
_LETTERS = ascii_letters + digits + "-_"


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` most likely stands for, or None."""
    if len(name) > _NAME_LENGTH:
        return None
    known = [c for c in islice(candidates, _CANDIDATES) if c != name]
    folded = _folded(name)
    for candidate in known:
        if len(candidate) <= _NAME_LENGTH and _folded(candidate) == folded:
            return candidate
    distinct = frozenset(known)
    for slip in _slips(name):
        if slip in distinct:
            return slip
    near = (c for c in known if abs(len(c) - len(name)) <= max(2, len(name) // 2))
    from difflib import get_close_matches  # only when something is wrong

    matches = get_close_matches(name, islice(near, _COMPARED), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The suggestion as a sentence with a space before it, ready to be appended; else empty."""
    match = suggest(name, candidates)
    return f" Did you mean '{match}'?" if match else ""


def _folded(name: str) -> str:
    """Camel, snake and kebab case of the same words fold to the same text."""
    return name.replace("_", "").replace("-", "").lower()


def _slips(name: str) -> Iterator[str]:
    """Names that one slip turns into this one: a letter too many, two swapped, one left out, one wrong."""
    halves = [(name[:i], name[i:]) for i in range(len(name) + 1)]
    yield from (a + b[1:] for a, b in halves if b and len(name) > 1)
    yield from (a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1)
    yield from (a + letter + b for a, b in halves for letter in _LETTERS if name)
    if len(name) > 2:
        yield from (a + letter + b[1:] for a, b in halves if b for letter in _LETTERS)
