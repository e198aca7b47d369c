"""Where a path that a step names lies on disk. Pure; what is inside is private to the attempt.

Relative paths lie in the step's working directory. Absolute ones need a private view (bubblewrap, an
image): they are kept below the attempt's `root/`, and its `work/`, `home/` and `tmp/` are seen at fixed
places.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.errors import LaunchRejected
from reconciler.model.run import StepCall
from reconciler.model.workflow import Step

INSIDE = "/reconciler"
WORK = f"{INSIDE}/work"
HOME = f"{INSIDE}/home"
SCRIPT = f"{INSIDE}/script"

_PRIVATE = ((WORK, "work"), (HOME, "home"), ("/tmp", "tmp"))
_SYSTEM = ("/proc", "/sys", "/dev", INSIDE)


@dataclass(frozen=True, slots=True)
class Spot:
    """A path on disk: `base` is one of the attempt's directories, `relative` leads on from it."""

    base: str
    relative: str


def working_directory(working_dir: str | None) -> str:
    """Where the command runs, as seen from inside."""
    return _normal(posixpath.join(WORK, working_dir or ""))


def bundle_directory(working_dir: str | None) -> str:
    """Where the step's files are laid: an absolute working directory, or the one relative paths start at."""
    return working_directory(working_dir if working_dir and posixpath.isabs(working_dir) else None)


def inside(path: str, working_dir: str | None) -> str:
    """The absolute path, as seen from inside, that a step means by `path`."""
    directory = working_directory(working_dir)
    whole = _normal(posixpath.join(directory, path))
    if posixpath.isabs(path) or whole == directory or whole.startswith(directory.rstrip("/") + "/"):
        return whole
    raise LaunchRejected(f"'{path}' leads out of the working directory")


def spot(seen: str) -> Spot:
    """Where the attempt keeps what is seen at the absolute path `seen`."""
    for prefix, base in _PRIVATE:
        if seen == prefix or seen.startswith(prefix + "/"):
            return Spot(base, seen[len(prefix) + 1 :] or ".")
    if seen == "/" or is_system(seen):
        raise LaunchRejected(f"'{seen}' belongs to the system and cannot be an input or output")
    return Spot("root", seen[1:])


def is_system(seen: str) -> bool:
    """Whether the path is the kernel's or ours."""
    return any(seen == top or seen.startswith(top + "/") for top in _SYSTEM)


def is_private(seen: str) -> bool:
    """Whether the path lies in what each attempt has for itself anyway."""
    return any(seen == prefix or seen.startswith(prefix + "/") for prefix, _ in _PRIVATE)


def inputs_of(call: StepCall) -> Iterator[str]:
    """Every input path of the call, as written."""
    yield from (item.path for item in call.input_files)
    yield from (item.path for item in call.input_texts)


def outputs_of(call: StepCall) -> Iterator[str]:
    """Every output path of the call, as written."""
    yield from (item.path for item in call.parameter_outputs)
    yield from (item.path for item in call.artifact_outputs)


def secrets_of(call: StepCall) -> Iterator[str]:
    """Every path at which the call wants a secret, as written."""
    yield from (secret.path for secret in call.secrets if secret.path is not None)


def paths_of(what: StepCall | Step) -> list[str]:
    """Every path that a call or a step names, as written."""
    if isinstance(what, StepCall):
        return [*inputs_of(what), *secrets_of(what), *outputs_of(what)]
    found = [item.path for item in what.parameter_inputs if item.path]
    found += [item.path for item in what.artifact_inputs]
    found += [item.path for item in what.secrets if item.path]
    found += [item.path for item in what.parameter_outputs]
    return found + [item.path for item in what.artifact_outputs]


def _normal(path: str) -> str:
    return "/" + posixpath.normpath(path).lstrip("/")
