r"""Any string as one harmless line of text, reversibly.

What a run brings along (messages, values, names) was written by people and programs that the reader
of `git log` or of a page need not trust. `line` leaves letters, digits, punctuation and symbols of all
scripts as they are, and writes everything else as a backslash escape: line ends, terminal escapes,
bidirectional controls, invisible characters, lone surrogates; and the first character of what hosts
act upon: `[skip ci]`, `@name`, `#12`, `!12`, the number in an issue's address. `unline` gives back
what was written, so that trailers can be read without loss.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import Final
from unicodedata import ucd_3_2_0

CUT: Final = r"\..."
"""Ends a text that was too long; no escape starts this way, so it cannot be mistaken for content."""

# Unicode 3.2 and no later: the same run must give the same commit with every version of Python.
_category: Final = ucd_3_2_0.category
_visible: Final = frozenset("LMNPS")
_invisible: Final = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0"  # fillers, joiners
    + "".join(map(chr, range(0xFE00, 0xFE10)))  # variation selectors
)

# Most texts; none of these characters begins anything that is acted upon.
_tame: Final = re.compile(r"(?:[A-Za-z0-9 ,.;:()'\"=+?<>{}_^`|~%$]|(?<![gG][hH])-)*")

_acted_upon: Final = re.compile(
    r"""
      \[ (?= [^\[\]]{0,40}? (?: skip | \b ci \b | no[ _-]?ci ) )   # [skip ci], [ci skip], [no ci], [skip tkn]
    | \* (?= \*\* no_ci )                                          # ***NO_CI***
    | (?<![A-Za-z0-9]) @ (?= \w )                                  # mentions; a@b and image@sha256 are none
    | [#] (?= \w )                                                 # issues, smart commits
    | [!&] (?= \d )                                                # merge requests, epics
    | (?<= \b gh ) - (?= \d )                                      # GH-12
    | (?: (?<= /issues ) | (?<= /pull ) | (?<= /merge_requests )
        | (?<= /work_items ) | (?<= /epics ) ) / (?= \d )          # the address of an issue
    """,
    re.IGNORECASE | re.VERBOSE,
)

_escape: Final = re.compile(r"\\(?:([\\nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_short: Final = {"\\": "\\\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_long: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


def line(text: str, limit: int = 200) -> str:
    """`text` on one line, of at most `limit` characters; a longer one ends in `CUT`."""
    if len(text) <= limit and _tame.fullmatch(text) and text == text.strip():
        return text
    escaped = [_escaped(character) for character in text[: limit + 1]]
    acted = [match.start() for match in _acted_upon.finditer(text[: limit + 50])]
    edges = (0, len(text) - 1)
    for at in (*acted, *(edge for edge in edges if text[edge : edge + 1] == " ")):
        if at < len(escaped):
            escaped[at] = _numbered(text[at])
    return _fitted(escaped, limit)


def unline(text: str) -> str:
    """What `line` was given."""
    return _escape.sub(_unescaped, text)


def _fitted(pieces: list[str], limit: int) -> str:
    ends = list(accumulate(map(len, pieces)))
    if not ends or ends[-1] <= limit:
        return "".join(pieces)
    return "".join(pieces[: bisect_right(ends, limit - len(CUT))]) + CUT


@lru_cache(4096)
def _escaped(character: str) -> str:
    if character == " " or (
        character not in _short and character not in _invisible and _category(character)[0] in _visible
    ):
        return character
    return _short.get(character) or _numbered(character)


def _numbered(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return _long[match[1]]
    return chr(int(match[2] or match[3] or match[4], 16))
