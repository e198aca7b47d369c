"""One execution of a workflow, as values: what is recorded, what was observed, what is asked for.

State moves by replacement (`dataclasses.replace`, `with_*`), never in place. Times are aware
datetimes in UTC; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from reconciler.model.workflow import (
    ArtifactOutput,
    Definition,
    FailureClass,
    Manifest,
    ParameterOutput,
    SecretInput,
    Value,
    Workflow,
)


class Phase(StrEnum):
    """Where a run, a step or an attempt is; Suspended is for runs alone."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    CANCELLED = "Cancelled"
    SUSPENDED = "Suspended"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED, Phase.CANCELLED})


class TriggerKind(StrEnum):
    """What started a run."""

    CHANGE = "change"
    SCHEDULE = "schedule"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What started a run; `detail` is the due time (RFC 3339) of a schedule, else empty."""

    kind: TriggerKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".strip()


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes in the artifact store.

    `form` is "file" (as it is), "tar" (a directory as one tar) or "files" (a directory, one object a
    file below `key` + "/"; `sha256` is then that of the listing). `size` in bytes, `sha256` in hex;
    `executable` is the bit of a single file (directories keep those of their files themselves).
    """

    name: str
    key: str
    size: int
    sha256: str
    form: str = "file"
    content_type: str = "application/octet-stream"
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Outputs:
    """What an attempt gave: artifacts, and values by name (raw text from the executor, typed later)."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class AttemptKey:
    """The identity of one try of one step in one run; everything an executor makes is named after it."""

    run_id: str
    step: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.run_id}/{self.step}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one step. Recorded as Pending before it is launched: intent comes before act.

    `cancelling` is set (to the reason, such as "TimedOut") once it was decided to stop it.
    """

    number: int
    created_at: datetime
    phase: Phase = Phase.PENDING
    reason: str = ""
    message: str = ""
    failure: FailureClass | None = None
    cancelling: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    log_tail: str = ""
    log: Artifact | None = None
    outputs: Outputs = Outputs()


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step in one run, with every attempt. `not_before` delays the next attempt (back-off)."""

    name: str
    phase: Phase = Phase.PENDING
    reason: str = ""
    message: str = ""
    attempts: tuple[Attempt, ...] = ()
    not_before: datetime | None = None
    finished_at: datetime | None = None

    @property
    def current(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def outputs(self) -> Outputs:
        """What the step gave; empty until it succeeded."""
        if self.phase is Phase.SUCCEEDED and self.attempts:
            return self.attempts[-1].outputs
        return Outputs()

    def with_attempt(self, attempt: Attempt) -> StepRun:
        """This step with `attempt` put in the place of its number, or added."""
        kept = tuple(a for a in self.attempts if a.number < attempt.number)
        return replace(self, attempts=(*kept, attempt))


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a workflow at one revision: `train #12`.

    Keeps the definition and digest that it started from, whatever is pushed later. `bundles` holds,
    for each step with `files`, the stored tar of those files. `workflow` is None for finished runs that
    were read back from the ledger.
    """

    id: str
    name: str
    number: int
    revision: str
    digest: str
    trigger: Trigger
    created_at: datetime
    path: str = ""
    workflow: Workflow | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    bundles: Mapping[str, Artifact] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    phase: Phase = Phase.PENDING
    reason: str = ""
    message: str = ""
    cancelling: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    steps: Mapping[str, StepRun] = field(default_factory=dict)
    outputs: Outputs = Outputs()

    @property
    def title(self) -> str:
        return f"{self.name} #{self.number}"

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, once ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    def with_step(self, step: StepRun) -> Run:
        return replace(self, steps={**self.steps, step.name: step})


class Status(StrEnum):
    """What an executor can say of an attempt; that nobody knows it is an answer too."""

    MISSING = "missing"  # no trace of it: it never ran, or was swept away
    STARTING = "starting"  # accepted, not yet running
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Observation:
    """What an executor saw of one attempt.

    For ENDED, `failure` is None if and only if the command exited with 0 and every required output was
    stored; `reason` is CamelCase (`ExitCode`, `OOMKilled`, `OutputMissing`, `Lost`, ...). Output values
    are raw text; their types are the core's affair.
    """

    key: AttemptKey
    status: Status
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    failure: FailureClass | None = None
    reason: str = ""
    message: str = ""
    outputs: Outputs = Outputs()
    log_tail: str = ""
    log: Artifact | None = None


@dataclass(frozen=True, slots=True)
class InputFile:
    """A stored artifact to be put at `path` before the step starts."""

    path: str
    artifact: Artifact


@dataclass(frozen=True, slots=True)
class InputText:
    """A value to be written to `path` before the step starts."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class StepCall:
    """Everything an executor needs to know to start one attempt; all templates are rendered.

    `command` and `args` as in Kubernetes (None: the image's own entrypoint); a `script` is written to a
    file and run by `interpreter` (empty: by its `#!` line). Relative paths are relative to the working
    directory. `prefix` is the attempt's own place in the artifact store, ending in "/"; whatever the
    attempt stores lies below it. `secrets`, `pod`, `exclusive` and `manifest` are those of the step.
    """

    key: AttemptKey
    prefix: str
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] = ()
    script: str | None = None
    interpreter: tuple[str, ...] = ()
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str | None = None
    bundle: Artifact | None = None
    input_files: tuple[InputFile, ...] = ()
    input_texts: tuple[InputText, ...] = ()
    parameter_outputs: tuple[ParameterOutput, ...] = ()
    artifact_outputs: tuple[ArtifactOutput, ...] = ()
    timeout: float | None = None
    secrets: tuple[SecretInput, ...] = ()
    pod: Mapping[str, Any] = field(default_factory=dict)
    exclusive: bool = False
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class StartRun:
    """The decision to start a run of `definition`, with the sentence that says why."""

    definition: Definition
    number: int
    run_id: str
    trigger: Trigger
    parameters: Mapping[str, Value]
    because: str


@dataclass(frozen=True, slots=True)
class Launch:
    """The decision to start an attempt of a step."""

    call: StepCall
