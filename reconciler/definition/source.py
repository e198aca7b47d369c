"""From bytes to text that is safe to parse and honest to read: size, encoding and hidden characters first.

What a reviewer sees must be what the parser reads, so characters that hide or reorder text are refused
(in a quoted string they can be written as escapes). Everything here is linear and comes before YAML.
"""

from __future__ import annotations

import re

from reconciler.model.problem import Problem

MAX_SIZE = 1024 * 1024
"""Bytes of one definition file."""

_REFUSED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)
_HARMLESS = bytes({*range(0x20, 0x7F), *b"\t\n"})
_MEANING = {
    "\0": "A NUL character",
    "\r": "A carriage return without a line feed",
    "\ufeff": "A byte order mark inside the text",
}


class Unreadable(Exception):
    """The bytes are not a text that can be parsed; carries the problem, and never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def text_of(data: bytes, limit: int = MAX_SIZE) -> str:
    """The text of a file. Raises Unreadable."""
    if len(data) > limit:
        raise Unreadable(too_large(limit))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_not_utf8(data, error)) from None
    if not data.translate(None, _HARMLESS):
        return text  # plain ASCII, as nearly always: found without looking at each character
    if (match := _REFUSED.search(text)) is not None:
        raise Unreadable(_hidden(text, match))
    return text


def too_large(limit: int) -> Problem:
    """The problem of a file with more bytes than `limit`."""
    shown = f"{limit // 1024} KiB" if limit >= 1024 else f"{limit} bytes"
    what = f"The file is larger than {shown}, the most that a definition may be"
    return Problem(
        "", 1, 1, "$", "FileTooLarge", f"{what}: make several of it, or raise `limits.file_bytes`."
    )


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> Problem:
    before = data[: error.start].decode("utf-8", errors="replace")
    line, column = position(before, len(before))
    message = "The file is not UTF-8 text. Save it with the encoding UTF-8."
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "The file is UTF-16. Save it with the encoding UTF-8."
    return Problem("", line, column, "$", "NotUtf8", message)


def _hidden(text: str, match: re.Match[str]) -> Problem:
    character = match.group()
    meaning = _MEANING.get(character, f"The hidden character U+{ord(character):04X}")
    message = f"{meaning} may not stand in a definition. In double quotes it can be written as an escape."
    return Problem("", *position(text, match.start()), "$", "HiddenCharacter", message)


def position(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a place in `text`."""
    return text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1
