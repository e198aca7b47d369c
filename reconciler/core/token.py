"""CEL source as tokens, no more than is needed to find its end, its references and its loops.

The library parses CEL but gives no syntax tree, and it does not know names with hyphens: a step's
name after `steps.` is one token here, so that `steps.load-data.phase` is no subtraction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SPACE = " \t\r\n\f"
"""White space in CEL, which is less than in Python."""

_TOKEN = re.compile(
    r"""
    (?P<space>  [ \t\r\n\f]+ | //(?:(?!\}\})[^\n])* )
  | (?P<string> (?:[bB][rR]|[rR][bB]?) (?:'{3}.*?'{3} | "{3}.*?"{3} | '[^'\r\n]*' | "[^"\r\n]*")
             |  [bB]? (?:'{3}(?:[^\\]|\\.)*?'{3} | "{3}(?:[^\\]|\\.)*?"{3}
                        | '(?:[^'\\\r\n]|\\.)*' | "(?:[^"\\\r\n]|\\.)*") )
  | (?P<name>   [A-Za-z_][A-Za-z0-9_]* | `[A-Za-z0-9_./\- ]+` )
  | (?P<number> 0[xX][0-9a-fA-F]+[uU]? | [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?
             |  \.[0-9]+(?:[eE][+-]?[0-9]+)? )
  | (?P<mark>   == | != | <= | >= | && | \|\| | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_MACROS = frozenset({"map", "filter", "all", "exists", "exists_one", "existsOne"})
_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-+[A-Za-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is string, name, number or mark; white space and comments are left out."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of `text[start:end]`; what is no CEL at all comes as single marks."""
    end = len(text) if end is None else end
    before, last = "", ""
    while start < end:
        match = _TOKEN.match(text, start, end)
        if before == "steps" and last == ".":
            match = _STEP_NAME.match(text, start, end) or match
        if match is None:  # cannot be: the last alternative takes any character
            return
        kind = match.lastgroup or "name"
        if kind != "space":
            # `x.steps.a-b` is a field of x, not a step
            before, last = ("" if before == "." else last), match.group()
            yield Token(kind, last, start, match.end())
        start = match.end()


def string_text(token: Token) -> str | None:
    """What a plain string token says; None for bytes and for what needs unescaping."""
    body = token.text.lstrip("rR")
    if token.kind != "string" or body[0] not in "'\"" or "\\" in body:
        return None
    quotes = 3 if body[:3] in ("'''", '"""') and len(body) >= 6 else 1
    return body[quotes:-quotes]


def text_at(found: Sequence[Token], position: int) -> str:
    """The text of the token at `position`; empty beyond both ends."""
    return found[position].text if 0 <= position < len(found) else ""


def is_loop(found: Sequence[Token], position: int) -> bool:
    """Whether the bracket at `position` opens a loop: `.map(x, `, `.all(x, ` and their like."""
    return (
        text_at(found, position) == "("
        and text_at(found, position - 1) in _MACROS
        and text_at(found, position - 2) == "."
        and text_at(found, position + 2) == ","
    )
