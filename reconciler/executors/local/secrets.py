"""Secrets of steps on this machine: found at each start, given to the step, and gone when it is over.

On a cluster they are the cluster's own. Here the value of a key is a file of the operator, or a variable in
the environment of the pass. Only one that the step wants as a file is written, and only into the attempt's
private directory; it stays no longer than the step.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from reconciler.artifacts.localfile import create, write_all
from reconciler.errors import LaunchRejected, PermanentError
from reconciler.executors import paths
from reconciler.executors.local.place import Place, safe
from reconciler.executors.local.way import Way
from reconciler.executors.transfer import target
from reconciler.model.run import StepCall
from reconciler.model.workflow import SecretInput
from reconciler.settings.sources import SECRET_PREFIX

WORTH_MASKING = 4
"""Characters: a shorter value stands in other texts by chance."""

_LARGEST = 1 << 20  # bytes, as in a cluster
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secrets:
    """Where the operator keeps them: `directory`/<name>/<key>, or RECONCILER_SECRET_<NAME>_<KEY>."""

    def __init__(self, directory: Path | None, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment

    def variables(self, call: StepCall) -> dict[str, str]:
        """Those that the step finds in its environment. LaunchRejected if one of its secrets is not here."""
        found = {secret: self._value(secret) for secret in call.secrets}
        return {secret.env: _text(secret, value) for secret, value in found.items() if secret.env is not None}

    def lay(self, place: Place, way: Way, call: StepCall) -> None:
        """Write those that the step finds in a file, readable for its user alone."""
        for secret in call.secrets:
            if secret.path is not None:
                try:
                    path = target(call, partial(way.locate, place), secret.path)
                except PermanentError as error:
                    raise LaunchRejected(error.message) from error
                _lay(path, self._value(secret))

    def _value(self, secret: SecretInput) -> bytes:
        path = None if self._directory is None else self._directory / safe(secret.name) / safe(secret.key)
        if path is not None and (value := _read(path)) is not None:
            return value
        variable = variable_of(secret.name, secret.key)
        if variable in self._environment:
            return os.fsencode(self._environment[variable])
        file = path or f"<executor.secrets>/{secret.name}/{secret.key}"
        raise LaunchRejected(
            f"there is no secret '{secret.name}' with the key '{secret.key}' here; "
            f"write it to {file}, or set {variable} in the environment of the pass",
            reason="SecretMissing",
        )


def take_back(place: Place, way: Way, call: StepCall) -> None:
    """Remove every trace, before anything that the step left is collected."""
    if not call.secrets:
        return
    for path in paths.secrets_of(call):
        base, relative = way.locate(place, paths.inside(path, call.working_dir))
        with suppress(OSError):  # the step may have put anything there
            if (base / relative).parent.resolve().is_relative_to(base.resolve()):
                (base / relative).unlink()


def variable_of(name: str, key: str) -> str:
    """Where the key of a secret is looked for in the environment of the pass."""
    return SECRET_PREFIX + re.sub(r"[^A-Z0-9]", "_", f"{name}_{key}".upper())


def known_values(directory: str, environment: Mapping[str, str]) -> Iterator[str]:
    """All secrets that steps could get, as far as they can be read: what must not be published."""
    found = [os.fsencode(value) for name, value in environment.items() if name.startswith(SECRET_PREFIX)]
    for path in Path(directory).glob("*/*") if directory else ():
        with suppress(LaunchRejected):
            found.append(_read(path) or b"")
    for value in found:
        text = value.decode("utf-8", "replace").strip()
        if len(text) >= WORTH_MASKING:
            yield text


def _read(path: Path) -> bytes | None:
    """The content of a file of the operator; None where there is none."""
    try:
        with open(path, "rb") as file:
            value = file.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise LaunchRejected(f"the secret at {path} cannot be read: {error.strerror}") from error
    if len(value) > _LARGEST:
        raise LaunchRejected(f"the secret at {path} is larger than 1 MiB")
    return value


def _text(secret: SecretInput, value: bytes) -> str:
    """As a variable can hold it: without the line end that an editor leaves."""
    what = f"the key '{secret.key}' of the secret '{secret.name}'"
    if secret.env is None or not _VARIABLE.fullmatch(secret.env):
        raise LaunchRejected(f"{secret.env!r} cannot name an environment variable")
    try:
        text = value.removesuffix(b"\n").decode("utf-8")
    except UnicodeDecodeError as error:
        raise LaunchRejected(f"{what} is no text, and cannot be a variable; give it a `path`") from error
    if "\0" in text or len(value) > 128 * 1024 - len(secret.env) - 2:
        raise LaunchRejected(f"{what} cannot be a variable: it holds a NUL, or 128 KiB; give it a `path`")
    return text


def _lay(path: Path, value: bytes) -> None:
    path.unlink(missing_ok=True)  # of a start that was interrupted
    descriptor = create(path, 0o400)
    try:
        write_all(descriptor, value)
    finally:
        os.close(descriptor)
