"""The ways to run a command here: on the host as it is, behind bubblewrap, in a container."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from reconciler.executors.local.place import Place
from reconciler.executors.local.process import Claim, End
from reconciler.model.run import StepCall


@dataclass(frozen=True, slots=True)
class Start:
    """What is executed, with which environment, in which directory of the host. `sandbox` are arguments that
    bubblewrap reads from a file of its own: every user of the machine can see those of a command."""

    words: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    sandbox: Sequence[str] | None = None


class Way(Protocol):
    """How one attempt is set up, started and stopped."""

    name: str
    on_host: bool
    """Whether the command runs without its image."""
    reaps: bool
    """Whether the end of the command is the end of everything it started."""

    def refusal(self, named: Iterable[str], working_dir: str | None) -> str | None:
        """Why a step that names these paths can never run this way; None if it can."""

    def locate(self, place: Place, seen: str) -> tuple[Path, str]:
        """The directory of the attempt, and the path below it, for what the step sees at `seen`."""

    def set_up(self, place: Place, call: StepCall, secrets: Mapping[str, str]) -> Start:
        """Make whatever it needs; the inputs are in place. Raises LaunchRejected.

        `secrets` are further variables, which must stand in no argument list and in no file.
        """

    def outcome(self, place: Place, end: End) -> tuple[int | None, str]:
        """The command's own exit code; or None, and why it could not be run at all."""

    def stop(self, place: Place, claim: Claim, number: signal.Signals) -> bool:
        """Send TERM to the step's processes, or KILL to all of them; whether there was anybody."""


def cookie(place: Place) -> str:
    """A mark that only this attempt's processes carry."""
    return _digest(place.name)


@lru_cache(maxsize=4096)
def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
