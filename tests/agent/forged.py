"""Archives as no honest agent writes them."""

from __future__ import annotations

import io
import tarfile


def forged(*members: tuple[str, bytes, str]) -> bytes:
    """A tar of (name, type, target) as no honest agent writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    return stream.getvalue()


FORGED = {
    "a name that climbs": forged(("../../keys/planted", tarfile.REGTYPE, "")),
    "an absolute name": forged(("/tmp/planted", tarfile.REGTYPE, "")),
    "a link that leaves": forged(("x", tarfile.SYMTYPE, "/proc/self/environ")),
    "a link that climbs": forged(("x", tarfile.SYMTYPE, "../../../keys")),
    "a name through a link": forged(("x", tarfile.SYMTYPE, "."), ("x/../../y", tarfile.REGTYPE, "")),
    "a hard link": forged(("x", tarfile.LNKTYPE, "/etc/passwd")),
    "a device": forged(("x", tarfile.CHRTYPE, "")),
    "a FIFO": forged(("x", tarfile.FIFOTYPE, "")),
    "one name twice": forged(("x", tarfile.REGTYPE, ""), ("x", tarfile.REGTYPE, "")),
    "no tar at all": b"no tar at all",
}
