"""Paths of inputs and outputs that would hide the system, leave the working directory, or meet each other."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.definition.checks.doubt import Doubt
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, show

SYSTEM = (
    *(
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/proc",
        "/run",
        "/sbin",
        "/sys",
    ),
    *("/usr", "/var/run", "/var/lib/kubelet", "/var/run/secrets", "/kaniko", "/busybox"),
)
"""Directories without which a program, a container or the machine itself does not work."""


def check(spec: Mapping[str, Any], doubt: Doubt) -> Iterator[Finding]:
    """Findings about every declared path."""
    defaults = spec.get("defaults", {})
    yield from _directory(("spec", "defaults", "workingDir"), defaults.get("workingDir"))
    for name, step in spec["steps"].items():
        path: Path = ("spec", "steps", name)
        yield from _directory((*path, "workingDir"), step.get("workingDir"))
        if "inputs" in step or "outputs" in step:
            yield from _step(path, step, step.get("workingDir", defaults.get("workingDir")) or "")


def _directory(path: Path, directory: str | None) -> Iterator[Finding]:
    if directory is not None and (message := problem(directory, may_be_here=True)):
        yield Finding(path, "PathRefused", message)


def _step(path: Path, step: Mapping[str, Any], directory: str) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    for at, said, written in _declared(path, step):
        if message := problem(written):
            yield Finding(at, "PathRefused", message)
            continue
        full = posixpath.normpath(posixpath.join(directory, written))
        if (other := _met(full, taken)) is not None:
            yield Finding(at, "PathTaken", f"{show(written)} of {said} {other}.")
        taken.setdefault(full, f"{said} ({written})")


def _declared(path: Path, step: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    for side in ("inputs", "outputs"):
        for kind, word in (("parameters", "parameter"), ("artifacts", "artifact")):
            for name, declared in step.get(side, {}).get(kind, {}).items():
                if isinstance(declared, Mapping) and "path" in declared:
                    yield (*path, side, kind, name, "path"), f"{side[:-1]} {word} '{name}'", declared["path"]


def _met(full: str, taken: Mapping[str, str]) -> str | None:
    """How the path meets one that is taken."""
    if full in taken:
        return f"is also the path of {taken[full]}"
    above = full
    while (above := posixpath.dirname(above)) not in ("", "/"):
        if above in taken:
            return f"lies inside of {taken[above]}"
    below = [said for path, said in taken.items() if path.startswith(f"{full}/")]
    return f"holds {below[0]}" if below else None


def problem(written: str, *, may_be_here: bool = False) -> str | None:
    """Why nothing may be put at a path, as a sentence."""
    if ".." in written.split("/"):
        return "A path cannot go up by '..'."
    path = posixpath.normpath(written).replace("//", "/")
    if path == "." and not may_be_here:
        return "Name a file or directory inside of the working directory."
    if path == "/":
        return "The root directory cannot be replaced."
    if path.startswith("/"):
        for directory in SYSTEM:
            if path == directory or path.startswith(f"{directory}/"):
                return f"{show(path)} would hide the system's {directory}. Choose a directory of your own, such as /in, /out or /tmp."
            if directory.startswith(f"{path}/"):
                return f"{show(path)} would hide {directory}, which is inside of it. Choose a directory of your own, such as /in or /out."
    return None
