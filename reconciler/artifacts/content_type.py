"""What a browser should take a file for, by its name."""

from __future__ import annotations

import mimetypes

_TYPES = mimetypes.MimeTypes()  # the standard library's own table: the same on every machine
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def guess(name: str) -> str:
    """A content type; that of the packing where a file is packed, as no server unpacks it on the way."""
    kind, packing = _TYPES.guess_type("x/" + name.rpartition("/")[2])  # as a path: "http:x" is no URL here
    if packing:
        return _PACKED.get(packing, "application/octet-stream")
    return kind or "application/octet-stream"
