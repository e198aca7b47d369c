"""What stands in a tree: an entry by path, with the reason why we refuse it where we do.

Anyone who can push decides the bytes of a path. A refused entry is returned like the others, so that it
becomes a problem of that one file, and is never dropped in silence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

# Characters that some file systems leave out of names, so that `.g<ZWNJ>it` would be `.git` there.
_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
_LONGEST_PATH, _LONGEST_NAME = 1024, 255
DIRECTORY, GONE = "040000", "000000"


class TreeEntry(NamedTuple):
    """One file of a tree; `refused` says why it must not be used, and is empty where it may.

    `kind` is "file", "executable", "symlink" or "submodule"; `blob` git's object id of the content.
    """

    path: str
    mode: str
    kind: str
    blob: str
    refused: str = ""

    @property
    def is_gone(self) -> bool:
        """In a comparison: there is nothing at that path any more."""
        return self.mode == GONE


_KINDS = {
    "100644": "file",
    "100664": "file",  # as git wrote it before 2005
    "100755": "executable",
    "120000": "symlink",
    "160000": "submodule",
}
_REFUSED_KINDS = {
    "symlink": "is a symbolic link; put the file itself here",
    "submodule": "is a submodule; its content is not fetched",
    "unknown": "is neither a file nor a directory",
}


def entry(path: bytes, mode: str, blob: str) -> TreeEntry:
    """The entry for a path as git stores it."""
    kind = _KINDS.get(mode, "unknown")
    shown, refused = _decoded(path)
    return TreeEntry(shown, mode, kind, blob, refused or _REFUSED_KINDS.get(kind, ""))


def _decoded(path: bytes) -> tuple[str, str]:
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return path.decode("utf-8", "backslashreplace"), "has a path that is not UTF-8"
    if text.isascii() and _plain(text):
        return text, ""
    refused = path_refusal(text)
    return ("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text) if refused else text), refused


# Most paths are like this, and need no closer look.
_plain = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}/){0,7}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}").fullmatch


def path_refusal(path: str) -> str:
    """Why `path` must not be used in a tree, read or written; empty where it may."""
    if not path.isprintable():
        return "has a control character in its path"
    if unicodedata.normalize("NFC", path) != path:
        return "has a path that is not in Unicode normal form C"
    if len(path.encode("utf-8", "replace")) > _LONGEST_PATH:
        return f"has a path longer than {_LONGEST_PATH} bytes"
    return next((why for name in path.split("/") if (why := _name_refusal(name))), "")


def _name_refusal(name: str) -> str:
    if name in ("", ".", ".."):
        return f"has a path with the component '{name}'"
    folded = name.translate(_IGNORED).casefold().rstrip(" .")
    if folded.split(":")[0] in (".git", "git~1"):
        return "has a path inside a .git directory"
    if "\\" in name:
        return "has a backslash in its path"
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return f"has a name longer than {_LONGEST_NAME} bytes"
    return ""
