"""Places where nothing may be put, because the system or the engine has its own things there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from reconciler.definition.words import show

_SYSTEM = frozenset(
    {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys"}
    | {"/usr", "/var/run", "/var/lib/kubelet"}
)
"""Directories without which a program, a container or the machine itself does not work."""

_ABOVE = {"/": "the root", "/var": "'/var/run'", "/var/lib": "'/var/lib/kubelet'"}
_ENGINE = "/reconciler"
_SHARED_MEMORY = "/dev/shm"
_TOKENS = "/run/secrets/kubernetes.io"


def problem(written: str) -> str | None:
    """Why no input or output may be put at a path, as a sentence."""
    if is_plain(written):
        return None
    if ".." in written.split("/"):
        return "A path cannot go up by '..'."
    path = normal(written)
    if path == ".":
        return "Name a file or directory inside of the working directory."
    if path.startswith("/") and (hidden := _system(path)):
        return f"{show(path)} would hide {hidden} of the system. Choose your own place, such as /in or /out."
    return None


def mounted_problem(written: str) -> str | None:
    """Why no secret or volume may be put at a path. Below `/run` is where programs look for such."""
    path = normal(written)
    if _is_at(path, _ENGINE):
        return f"{show(path)} belongs to the engine, which keeps the step's own files there."
    if _is_at(path, _TOKENS):
        return f"{show(path)} is for the cluster's own tokens."
    if path.startswith("/run/") and ".." not in written.split("/"):
        return None
    return problem(written)


def volume_problem(written: str, *, is_empty: bool) -> str | None:
    """Why no volume may be mounted at a path. One that `is_empty` may be the shared memory."""
    path = normal(written)
    if path == _SHARED_MEMORY and is_empty:
        return None
    if path == "/tmp":
        return "'/tmp' is a directory of the attempt already. Choose a place of its own, such as /scratch."
    if "${{" in written:
        return "A volume's place is fixed: no expressions. `subPath` may have some."
    return mounted_problem(written)


def _is_at(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _system(path: str) -> str | None:
    """The directory of the system that the path is, lies in, or holds."""
    if path in _ABOVE:
        return _ABOVE[path]
    return next((show(place) for place in (path, *parents(path)) if place in _SYSTEM), None)


def is_plain(written: str) -> bool:
    """A name in the working directory, as nearly all paths are."""
    return "/" not in written and written[0] != "."


def normal(written: str) -> str:
    """The path without detours."""
    return posixpath.normpath(written).replace("//", "/")


def parents(path: str) -> Iterator[str]:
    """`a/b`, then `a`, for `a/b/c`."""
    while (cut := path.rfind("/")) > 0:
        path = path[:cut]
        yield path
