"""Foreign text in a Markdown page: as it is where nothing can be misread, else as a code span.

A code span takes neither HTML nor links, mentions, emoji or formulas, in any renderer; what could end
it or a table cell (backtick, pipe, line end) is written as an escape of `plain.line`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from reconciler.ledger.plain import line

_prose: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ,;()'\"?%/-]|[.:](?![A-Za-z0-9/]))*")
_word: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9./-]*[A-Za-z0-9])?")
_safe_in_link: Final = "/:?&=%+,;~-._"


def code(text: str, limit: int = 200) -> str:
    """`text` as a code span; nothing for nothing."""
    shown = line(text, limit).replace("|", r"\x7c").replace("`", r"\x60")
    return f"`{shown}`" if shown else ""


def prose(text: str, limit: int = 200) -> str:
    """A sentence as a sentence if it is a plain one."""
    return text if len(text) <= limit and _prose.fullmatch(text) else code(text, limit)


def word(text: str, limit: int = 100) -> str:
    """A name as it is if it is one."""
    return text if len(text) <= limit and _word.fullmatch(text) and "www." not in text else code(text, limit)


def link(text: str, address: str) -> str:
    """A link to an http(s) address; to any other address just the text, and that address as code."""
    if is_web(address):
        return f"[{text}](<{quote(address, safe=_safe_in_link)}>)"
    return f"{text} {code(address, 500)}".strip()


def local_link(text: str, path: str) -> str:
    """A link to a file beside the page."""
    return f"[{text}](<{quote(path)}>)"


def is_web(address: str) -> bool:
    """Whether a browser may be sent there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
