"""How the text of a setting becomes a value.

Flags, variables and the settings file all give text (or, for lists, several texts), so each kind of
value has exactly one reader, and `8`, `"8"` and `RECONCILER_...=8` mean the same. A reader answers with
a value, or raises ValueError with the end of a sentence: "must be ...".
"""

from __future__ import annotations

import os

from reconciler.errors import SettingsError
from reconciler.settings.about import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.settings.about import Text


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


def _word(text: Text, _base: str) -> str:
    return one(text)


def _boolean(text: Text, _base: str) -> bool:
    word = one(text).lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def _path(text: Text, base: str) -> str:
    word = one(text)
    if not word:
        raise ValueError("must be a path")
    return os.path.abspath(os.path.join(base, os.path.expanduser(word)))


def _location(text: Text, base: str) -> str:
    """A git address; a bare path is made absolute, an address with a password in it is refused."""
    word = one(text)
    if "://" in word:
        authority = word.split("://", 1)[1].split("/", 1)[0]
        if ":" in authority.rpartition("@")[0]:
            raise ValueError("must not hold a password; give it by a *_file setting")
        return word
    is_ssh_short_form = ":" in word.split("/", 1)[0]
    return word if is_ssh_short_form else _path(word, base)


def _list(text: Text, _base: str) -> tuple[str, ...]:
    parts = text.split(",") if isinstance(text, str) else text
    return tuple(part.strip() for part in parts if part.strip())


def _pairs(text: Text, base: str) -> tuple[str, ...]:
    found = _list(text, base)
    for each in found:
        name, equals, _ = each.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"must be a list of name=value; '{each}' is not")
    return found


def _secret(text: Text, _base: str) -> Secret:
    return Secret(one(text))


TEXT = Kind("text", _word)
BOOLEAN = Kind("true or false", _boolean)
PATH = Kind("path", _path)
LOCATION = Kind("address or path", _location)
LIST = Kind("list", _list)
PAIRS = Kind("list of name=value", _pairs)
SECRET = Kind("secret", _secret, secret=True)


def choice(*words: str) -> Kind:
    """One of some words."""

    def read(text: Text, _base: str) -> str:
        word = one(text)
        if word not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return word

    return Kind(" or ".join(words), read)


def integer(minimum: int) -> Kind:
    """A whole number from `minimum` on."""

    def read(text: Text, _base: str) -> int:
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
    if not 0 <= value < 1e18:  # neither negative, nor infinite, nor nan
        raise ValueError(f"must be {what}")
    return value


_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1.0, "B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}


def _duration(text: Text, _base: str) -> float:
    return _scaled(one(text), _SECONDS, "a duration such as 90s, 5m or 1h")


def _size(text: Text, _base: str) -> int:
    return int(_scaled(one(text), _BYTES, "a size such as 256KiB or 10MiB"))


DURATION = Kind("duration", _duration)
SIZE = Kind("size", _size)


def read_secret(value: Secret | None, path: str) -> Secret | None:
    """The secret that was given, or the first line of the file that holds it."""
    if value is not None or not path:
        return value
    try:
        with open(path, encoding="utf-8") as file:
            return Secret(one(file.readline(65536).rstrip("\n")))
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it holds no plain text"
        raise SettingsError(f"Cannot read the secret file {path}: {reason}.") from exc


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
