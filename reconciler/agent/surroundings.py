"""Where the agent finds things: its variables, the mounted keys, the shared volume.

The keys come as files and stay in memory: a variable or an argument could be read by others.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.artifacts import ArtifactStore, S3Access, open_store
from reconciler.errors import PermanentError, SettingsError
from reconciler.executors.kubernetes import errand as contract
from reconciler.executors.patience import patiently
from reconciler.executors.transfer import Bounds

IO, KEYS, MESSAGE = "RECONCILER_IO", "RECONCILER_STORE_KEYS", "RECONCILER_TERMINATION_LOG"
"""Variables that no pod needs: where things are when an agent is tried outside of one."""

DEFAULT_MESSAGE = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The shared volume, the store, and what the operator has set."""

    io: Path
    store: ArtifactStore
    bounds: Bounds


def look(environ: Mapping[str, str]) -> Surroundings:
    """Raises SettingsError for what the pod should have been given."""
    return Surroundings(Path(environ.get(IO) or contract.IO), _store(environ), _bounds(environ))


def read_errand(environ: Mapping[str, str], found: Surroundings) -> contract.Errand:
    """What to move. Raises SettingsError, or what the store raises when the errand is kept there."""
    text: str | bytes = environ.get(contract.ERRAND, "")
    if not text:
        key = _demand(environ, contract.ERRAND_KEY)
        text = patiently(lambda: _read(found.store, key), found.bounds.patience, threading.Event())
    try:
        return contract.load_errand(text)
    except ValueError as error:
        raise SettingsError(f"The errand is not one that this agent understands: {error}.") from error


def _store(environ: Mapping[str, str]) -> ArtifactStore:
    url = _demand(environ, contract.STORE_URL)
    if not url.startswith("s3://"):
        return open_store(url)
    directory = Path(environ.get(KEYS) or contract.STORE_KEYS)
    access = S3Access(
        endpoint=_demand(environ, contract.STORE_ENDPOINT),
        access_key=_key(directory / "access-key"),
        secret_key=_key(directory / "secret-key"),
        region=environ.get(contract.STORE_REGION) or "us-east-1",
        secure=environ.get(contract.STORE_SECURE, "true") != "false",
    )
    return open_store(url, access)


def _bounds(environ: Mapping[str, str]) -> Bounds:
    usual = Bounds()
    try:
        return Bounds(
            patience=float(environ.get(contract.PATIENCE) or usual.patience),
            parameter_bytes=int(environ.get(contract.PARAMETER_BYTES) or usual.parameter_bytes),
        )
    except ValueError as error:
        raise SettingsError(
            f"{contract.PATIENCE} or {contract.PARAMETER_BYTES} is no number: {error}."
        ) from error


def _read(store: ArtifactStore, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


def _key(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise PermanentError(
            f"The store's key at {path} cannot be read: {error.strerror}.",
            hint="The Secret that the settings name for agents needs `access-key` and `secret-key`.",
        ) from error


def _demand(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise SettingsError(f"The agent was started without {name}.")
    return value
