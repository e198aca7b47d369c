"""Paths of steps that would hide the system, leave the working directory, or meet each other.

Those of inputs and outputs, of secrets, and of the volumes of a pod.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.definition.checks import hiding
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, show

_WITH_PATHS = frozenset({"inputs", "outputs", "secrets", "pod"})

_Taker = tuple[str, str]  # what has a path, and the path as written
_Claim = tuple[Path, str, str, str | None]  # where it stands, what it is for, the path, what is wrong


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about every declared path."""
    usual = subject.defaults.get("workingDir")
    volumes = list(_mounts(("spec", "defaults"), subject.defaults))
    yield from _directory(("spec", "defaults", "workingDir"), usual)
    for name, step in subject.steps.items():
        path: Path = ("spec", "steps", name)
        yield from _directory((*path, "workingDir"), step.get("workingDir"))
        yield from _twins((*path, "outputs", "artifacts"), step.get("outputs", {}).get("artifacts", {}))
        if "manifest" not in step and (volumes or not _WITH_PATHS.isdisjoint(step)):
            yield from _step(_declared(path, step, volumes), step.get("workingDir", usual) or "")


def _twins(path: Path, names: Mapping[str, Any]) -> Iterator[Finding]:
    """Names that differ in case alone would be one file in some stores."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"'{name}' and '{other}' differ in case alone, which not every store keeps apart."
            yield Finding((*path, name), "Duplicate", message, at_key=True)


def _directory(path: Path, directory: str | None) -> Iterator[Finding]:
    if directory is not None and directory != "." and (message := hiding.problem(directory)):
        yield Finding(path, "PathRefused", message)


def _step(claims: Iterable[_Claim], directory: str) -> Iterator[Finding]:
    """Findings about the paths of one step; those that are absolute may meet relative ones in `directory`."""
    taken: dict[str, _Taker] = {}
    above: dict[str, _Taker] = {}
    for at, said, written, wrong in claims:
        if wrong:
            yield Finding(at, "PathRefused", wrong)
            continue
        full = written
        if directory or not hiding.is_plain(written):
            full = posixpath.normpath(posixpath.join(directory, written))
        parents = list(hiding.parents(full))
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


def _declared(path: Path, step: Mapping[str, Any], volumes: Iterable[_Claim]) -> Iterator[_Claim]:
    """Every path of a step, its volumes first: its own, or those of all steps."""
    yield from _mounts(path, step) if "volumes" in step.get("pod", ()) else volumes
    for index, secret in enumerate(step.get("secrets", ())):
        if "path" in secret:
            written = secret["path"]
            at: Path = (*path, "secrets", index, "path")
            yield at, f"secret '{secret['from']}'", written, hiding.mounted_problem(written)
    for side in ("inputs", "outputs"):
        for kind, named in step.get(side, {}).items():
            for name, declared in named.items():
                if isinstance(declared, Mapping) and "path" in declared:
                    written = declared["path"]
                    at = (*path, side, kind, name, "path")
                    yield at, f"{side[:-1]} {kind[:-1]} '{name}'", written, hiding.problem(written)


def _mounts(path: Path, holder: Mapping[str, Any]) -> Iterator[_Claim]:
    for index, volume in enumerate(holder.get("pod", {}).get("volumes", ())):
        written = volume["mountPath"]
        wrong = hiding.volume_problem(written, is_empty="emptyDir" in volume)
        yield (*path, "pod", "volumes", index, "mountPath"), f"volume '{volume['name']}'", written, wrong
