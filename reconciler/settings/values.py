"""How the text of a setting becomes a value.

Flags, variables and the settings file all give text (or, for lists, several texts), so each kind of
value has exactly one reader, and `8`, `"8"` and `RECONCILER_...=8` mean the same. A reader answers with
a value, or raises ValueError with the end of a sentence: "must be ...".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Text = str | tuple[str, ...]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A kind of value: its name in the documentation, and its reader.

    `read` gets the text and the directory that relative paths start from.
    """

    name: str
    read: Callable[[Text, Path], T_co]
    secret: bool = False


class Secret:
    """Text that is never shown: not by `repr`, `str`, a format or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def one(text: Text) -> str:
    """The text of a setting that takes a single value."""
    if not isinstance(text, str):
        raise ValueError("must be a single value, not a list")
    if "\0" in text or "\n" in text:
        raise ValueError("must be one line without control characters")
    return text.strip()


def _word(text: Text, _base: Path) -> str:
    return one(text)


def _boolean(text: Text, _base: Path) -> bool:
    word = one(text).lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def _path(text: Text, base: Path) -> Path:
    word = one(text)
    if not word:
        raise ValueError("must be a path")
    return Path(base, Path(word).expanduser()).absolute()


def _location(text: Text, base: Path) -> str:
    """A git or store address; a bare path is made absolute, an address with a password in it is refused."""
    word = one(text)
    if "://" in word:
        authority = word.split("://", 1)[1].split("/", 1)[0]
        if ":" in authority.rpartition("@")[0]:
            raise ValueError("must not hold a password; give it by a *_file setting")
        return word
    is_ssh_short_form = ":" in word.split("/", 1)[0]
    if not word or is_ssh_short_form:
        return word
    return str(Path(base, Path(word).expanduser()).resolve())


def _list(text: Text, _base: Path) -> tuple[str, ...]:
    parts = text.split(",") if isinstance(text, str) else text
    return tuple(part.strip() for part in parts if part.strip())


def _secret(text: Text, _base: Path) -> Secret:
    return Secret(one(text))


TEXT = Kind("text", _word)
BOOLEAN = Kind("true or false", _boolean)
PATH = Kind("path", _path)
LOCATION = Kind("address or path", _location)
LIST = Kind("list", _list)
SECRET = Kind("secret", _secret, secret=True)


def choice(*words: str) -> Kind[str]:
    """One of some words."""

    def read(text: Text, _base: Path) -> str:
        word = one(text)
        if word not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return word

    return Kind(" or ".join(words), read)


def integer(minimum: int) -> Kind[int]:
    """A whole number from `minimum` on."""

    def read(text: Text, _base: Path) -> int:
        word = one(text)
        if not word.isascii() or not word.isdigit() or int(word[:19]) < minimum:
            raise ValueError(f"must be a whole number, {minimum} or more")
        return int(word[:19])

    return Kind("whole number", read)


def _scaled(word: str, units: dict[str, float], what: str) -> float:
    number = word.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    try:
        value = float(number) * units[word[len(number) :].strip()]
    except (ValueError, KeyError):
        raise ValueError(f"must be {what}") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"must be {what}")
    return value


_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1.0, "B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}


def _duration(text: Text, _base: Path) -> float:
    return _scaled(one(text), _SECONDS, "a duration such as 90s, 5m or 1h")


def _size(text: Text, _base: Path) -> int:
    return int(_scaled(one(text), _BYTES, "a size such as 256KiB or 10MiB"))


DURATION = Kind("duration", _duration)
SIZE = Kind("size", _size)


def shown(value: object) -> str:
    """A value as a person would write it; secrets stay hidden."""
    match value:
        case None | "" | ():
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case _:
            return str(value)
