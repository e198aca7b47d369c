"""The errors of the world, as one tree; a wrong definition is a `Problem`, a failed step is a `Phase`.

    ReconcilerError                 has a message for a person, and often a hint: what to do
    |-- SettingsError               a flag, variable or settings file is wrong            exit 2
    |-- TransientError              trying again later may help
    |   |-- LockHeld                another pass is at work                               exit 75
    |   |-- GitUnavailable          the remote did not answer, or answered "later"
    |   |-- PushRejected            the branch kept moving; the outbox keeps the results
    |   |-- ExecutorUnavailable     no process slot, full disk, API server away
    |   `-- StoreUnavailable        the artifact store did not answer
    `-- PermanentError              trying again will not help
        |-- GitError                not a repository, no access, refused by a rule
        |-- StateError              database of a newer release, unreadable directory
        |   `-- StateCorrupt        the file is not a sound database: rebuild it
        |-- LeaseLost               another pass may have taken over: this one writes no more  exit 76
        |-- LaunchRejected          this step can never start here (becomes the step's Failed)
        |-- ArtifactNotFound        nothing is stored under that key
        `-- ArtifactCorrupt         size or sha256 differ from what was recorded

Only the difference between transient and permanent steers the program, and the edge that meets the
foreign exception decides which it is (`raise ... from exc`); foreign exceptions never leave their edge.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_BUSY = 75
EXIT_LOST = 76
EXIT_INTERRUPTED = 130


class ReconcilerError(Exception):
    """Something in the world is not as it must be.

    `message` says what happened, where and why, in one or two sentences without secrets;
    `hint` says what to do.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class SettingsError(ReconcilerError):
    """A flag, a `RECONCILER_*` variable or the settings file is wrong."""

    exit_code = EXIT_USAGE


class TransientError(ReconcilerError):
    """Trying again later may help; `retry_after` in seconds where the other side said when."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class PermanentError(ReconcilerError):
    """Trying again will not help; a person must change something."""


class LockHeld(TransientError):
    """Another pass is at work; the message names it."""

    exit_code = EXIT_BUSY


class GitUnavailable(TransientError):
    """The remote did not answer in time."""


class PushRejected(TransientError):
    """The ledger branch moved at every try; the results wait in the outbox."""


class ExecutorUnavailable(TransientError):
    """The executor cannot take a step now."""


class StoreUnavailable(TransientError):
    """The artifact store does not answer now."""


class GitError(PermanentError):
    """Git refused, and will refuse again."""


class StateError(PermanentError):
    """The state database cannot be used."""


class StateCorrupt(StateError):
    """The state database is damaged; `reconciler rebuild` makes it anew."""


class LeaseLost(PermanentError):
    """This pass does not hold its Lease any more; whoever holds it now goes on with its work."""

    exit_code = EXIT_LOST


class LaunchRejected(PermanentError):
    """The executor will never accept this step; `reason` becomes the step's reason."""

    def __init__(self, message: str, *, reason: str = "LaunchRejected", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class ArtifactNotFound(PermanentError):
    """Nothing is stored under that key."""


class ArtifactCorrupt(PermanentError):
    """What is stored differs in size or sha256 from what was recorded."""
