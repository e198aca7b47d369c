"""Which keys there are, in every store: what any file system and any S3 server can hold unchanged."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from reconciler.errors import PermanentError

LONGEST_KEY = 900  # bytes; S3 ends at 1,024 and the store's own prefix needs room
LONGEST_COMPONENT = 255  # bytes; what a Linux file system takes
PARTIAL = ".part-"
"""How the names of unfinished files start in a directory store; no key may look like one."""


def check_key(key: str) -> str:
    """The key itself; PermanentError with a reason when some store could not hold it."""
    flaw = _flaw(key)
    if flaw:
        raise PermanentError(f"{key!r} cannot be a key in the artifact store: {flaw}.")
    return key


def check_prefix(prefix: str) -> str:
    """`prefix` with exactly one "/" at its end; "" stays."""
    return check_key(prefix.rstrip("/")) + "/" if prefix else ""


def _flaw(key: str) -> str:
    """What is wrong with a key, or nothing."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if length > LONGEST_KEY:
        return f"it has {length} bytes, and {LONGEST_KEY} is the most"
    return next((flaw for part in key.split("/") if (flaw := component_flaw(part))), "")


def component_flaw(part: str) -> str:
    """What is wrong with one component of a key, or nothing."""
    if part in ("", ".", ".."):
        return f"{part!r} stands between its slashes"
    if part.startswith(PARTIAL):
        return f"names that start with {PARTIAL!r} are for unfinished files"
    if not part.isprintable() or "\\" in part:
        return "it holds a character that is not printable, or a backslash"
    if unicodedata.normalize("NFC", part) != part:
        return "it is not in Unicode's normal form C"
    if len(part.encode()) > LONGEST_COMPONENT:
        return f"a name in it is longer than {LONGEST_COMPONENT} bytes"
    return ""


def escape(path: Iterable[str], reserved: frozenset[str] = frozenset()) -> str:
    """File names of any kind (surrogateescape for what is not UTF-8) as a key; plain names stay readable.

    One to one: a name that has a flaw, a "%" or a reserved meaning gets `%XX` for each byte outside
    of letters, digits, "-", "_" and inner dots.
    """
    return "/".join(_escape(part, reserved) for part in path)


def _escape(name: str, reserved: frozenset[str]) -> str:
    if "%" not in name and name not in reserved and not _has_flaw(name):
        return name
    return "".join(
        chr(byte) if _is_plain(byte) and (index or byte != ord(".")) else f"%{byte:02X}"
        for index, byte in enumerate(name.encode("utf-8", "surrogateescape"))
    )


def _has_flaw(name: str) -> bool:
    try:
        return bool(component_flaw(name))
    except UnicodeEncodeError:
        return True


def _is_plain(byte: int) -> bool:
    return byte < 128 and (chr(byte).isalnum() or chr(byte) in "-_.")
