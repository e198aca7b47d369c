"""Paths of inputs and outputs that would hide the system, leave the working directory, or meet each other."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, show

_SYSTEM = frozenset(
    {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys"}
    | {"/usr", "/var/run", "/var/lib/kubelet"}
)
"""Directories without which a program, a container or the machine itself does not work."""

_ABOVE = {"/": "the root", "/var": "'/var/run'", "/var/lib": "'/var/lib/kubelet'"}

_Taker = tuple[str, str]  # what has a path, and the path as written


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about every declared path."""
    usual = subject.defaults.get("workingDir")
    yield from _directory(("spec", "defaults", "workingDir"), usual)
    for name, step in subject.steps.items():
        path: Path = ("spec", "steps", name)
        yield from _directory((*path, "workingDir"), step.get("workingDir"))
        yield from _twins((*path, "outputs", "artifacts"), step.get("outputs", {}).get("artifacts", {}))
        if "inputs" in step or "outputs" in step:
            yield from _step(path, step, step.get("workingDir", usual) or "")


def _twins(path: Path, names: Mapping[str, Any]) -> Iterator[Finding]:
    """Names that differ in case alone would be one file in some stores."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"'{name}' and '{other}' differ in case alone, which not every store keeps apart."
            yield Finding((*path, name), "Duplicate", message, at_key=True)


def _directory(path: Path, directory: str | None) -> Iterator[Finding]:
    if directory is not None and directory != "." and (message := problem(directory)):
        yield Finding(path, "PathRefused", message)


def _step(path: Path, step: Mapping[str, Any], directory: str) -> Iterator[Finding]:
    """Findings about the paths of one step; those that are absolute may meet relative ones in `directory`."""
    taken: dict[str, _Taker] = {}
    above: dict[str, _Taker] = {}
    for at, said, written in _declared(path, step):
        if message := problem(written):
            yield Finding(at, "PathRefused", message)
            continue
        full = written
        if directory or not _is_plain(written):
            full = posixpath.normpath(posixpath.join(directory, written))
        parents = list(_parents(full))
        if full in taken:
            yield Finding(at, "PathTaken", f"{show(written)} is also the path of {_shown(taken[full])}.")
        elif inside := next((taken[parent] for parent in parents if parent in taken), None):
            yield Finding(at, "PathTaken", f"{show(written)} lies inside of {_shown(inside)}.")
        elif full in above:
            yield Finding(at, "PathTaken", f"{show(written)} has {_shown(above[full])} inside of it.")
        taken.setdefault(full, (said, written))
        for parent in parents:
            above.setdefault(parent, (said, written))


def _shown(taker: _Taker) -> str:
    return f"{taker[0]} ({show(taker[1])})"


def _declared(path: Path, step: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Where a path stands, what it is for, and the path."""
    for side in ("inputs", "outputs"):
        for kind, named in step.get(side, {}).items():
            for name, declared in named.items():
                if isinstance(declared, Mapping) and "path" in declared:
                    yield (
                        (*path, side, kind, name, "path"),
                        f"{side[:-1]} {kind[:-1]} '{name}'",
                        declared["path"],
                    )


def _parents(path: str) -> Iterator[str]:
    """`a/b`, then `a`, for `a/b/c`."""
    while (cut := path.rfind("/")) > 0:
        path = path[:cut]
        yield path


def _is_plain(written: str) -> bool:
    """A name in the working directory, as nearly all paths are."""
    return "/" not in written and written[0] != "."


def problem(written: str) -> str | None:
    """Why nothing may be put at a path, as a sentence."""
    if _is_plain(written):
        return None
    if ".." in written.split("/"):
        return "A path cannot go up by '..'."
    path = posixpath.normpath(written).replace("//", "/")
    if path == ".":
        return "Name a file or directory inside of the working directory."
    if path.startswith("/") and (hidden := _system(path)):
        return f"{show(path)} would hide {hidden} of the system. Choose your own place, such as /in or /out."
    return None


def _system(path: str) -> str | None:
    """The directory of the system that the path is, lies in, or holds."""
    if path in _ABOVE:
        return _ABOVE[path]
    return next((show(place) for place in (path, *_parents(path)) if place in _SYSTEM), None)
