"""What people write, as values: a workflow, its steps, and what goes in and out of them.

`definition` turns checked documents into these; nothing here validates again. Templates (strings
that may hold `${{ ... }}`) stay as they were written; `core` renders them when a step is launched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

type_names: Final = ("string", "integer", "number", "boolean", "list", "object")

Value = Any
"""A JSON value: str, int, float, bool, None, list or dict of such."""


class Missing(StrEnum):
    """Stands for "no value was given" where None is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class FailureClass(StrEnum):
    """Why an attempt did not succeed; `retry.on` chooses among the first three."""

    FAILURE = "failure"  # the step's own doing: exit code, missing or invalid output
    INFRASTRUCTURE = "infrastructure"  # the process vanished, the node went away, the store failed
    TIMEOUT = "timeout"  # longer than `timeout`
    CANCELLED = "cancelled"  # a person, or the end of the run, stopped it


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared workflow parameter; `default` is MISSING where a value is required."""

    name: str
    type: str = "string"
    default: Value | Missing = MISSING
    description: str = ""
    enum: tuple[Value, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: `initial * factor ** n`, at most `maximum`, spread by +-`jitter` (0..1)."""

    initial: float = 1.0
    factor: float = 2.0
    maximum: float = 300.0
    jitter: float = 0.1


@dataclass(frozen=True, slots=True)
class Retry:
    """At most `limit` further attempts, for failures of the classes in `on`."""

    limit: int = 0
    on: frozenset[FailureClass] = frozenset({FailureClass.FAILURE, FailureClass.INFRASTRUCTURE})
    backoff: Backoff = Backoff()


@dataclass(frozen=True, slots=True)
class ParameterInput:
    """A value for a step: a template in `value`, or an output parameter by `source` ("step/name").

    Given to the step as environment variable `INPUT_<NAME>`, and as a file where `path` is set.
    """

    name: str
    value: Value | Missing = MISSING
    source: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactInput:
    """An artifact of an earlier step (`source` is "step/name"), put at `path`."""

    name: str
    source: str
    path: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ParameterOutput:
    """A value read from the file at `path` after the step ended well."""

    name: str
    path: str
    type: str = "string"
    default: Value | Missing = MISSING


@dataclass(frozen=True, slots=True)
class ArtifactOutput:
    """A file or directory kept from `path`; `archive` says how a directory is stored: "tar" or "files"."""

    name: str
    path: str
    optional: bool = False
    archive: str = "tar"
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class SecretInput:
    """The key `key` of the secret `name`, given to the step as the variable `env` or as the file `path`.

    The value itself is known to the place where the step runs, and is never recorded.
    """

    name: str
    key: str
    env: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object of the cluster that stands for a step: applied, then watched until a condition holds.

    Strings in `document` may be templates; `success` and `failure` are CEL over `object`, its latest form
    (`core.observed` answers them). It is deleted when the step has ended; with `keep`, when the run has.
    """

    document: Mapping[str, Any]
    success: str
    failure: str | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a workflow, with `spec.defaults` already merged in.

    `needs` holds what was written; `depends_on` also what follows from inputs and expressions.
    `command` and `args` and `env` values are templates. Durations are in seconds. `pod` holds the settings
    for a pod as they were written (JSON, checked against the schema); `exclusive` keeps the agent out of
    the pod while the step runs; of a step with a `manifest`, a parameter's path leads into its object.
    """

    name: str
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] = ()
    script: str | None = None
    interpreter: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str | None = None
    needs: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    when: str | None = None
    timeout: float | None = None
    retry: Retry = Retry()
    continue_on_failure: bool = False
    parameter_inputs: tuple[ParameterInput, ...] = ()
    artifact_inputs: tuple[ArtifactInput, ...] = ()
    parameter_outputs: tuple[ParameterOutput, ...] = ()
    artifact_outputs: tuple[ArtifactOutput, ...] = ()
    secrets: tuple[SecretInput, ...] = ()
    pod: Mapping[str, Any] = field(default_factory=dict)
    exclusive: bool = False
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron line in a time zone; `catch_up` says what happens with times that were missed."""

    cron: str
    timezone: str = "UTC"
    catch_up: str = "latest"  # latest | all | none


@dataclass(frozen=True, slots=True)
class Triggers:
    """What starts a run: a changed digest (`change`, with further `paths` that count), and times."""

    change: bool = True
    paths: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowOutputs:
    """Results of the whole run: templates by name, and artifacts as "step/name" by name."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole definition. `document` is the JSON form it was made from, kept with every run."""

    name: str
    document: Mapping[str, Any]
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    triggers: Triggers = Triggers()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    outputs: WorkflowOutputs = field(default_factory=WorkflowOutputs)
    timeout: float | None = None
    parallelism: int | None = None
    suspend: bool = False


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file of the repository at one revision; `blob` is git's object id of its content."""

    path: str
    blob: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A valid workflow at one revision: where it stands, its digest, and the files each step takes along.

    `digest` is "sha256:<64 hex>" over the canonical document and the (path, blob) of every file that
    `files` and `on.paths` match. `parts` maps a dotted field path to a short hash of its canonical
    value and `file:<path>` to a blob id, so that a later plan can say what changed.
    """

    workflow: Workflow
    path: str
    digest: str
    files: Mapping[str, tuple[SourceFile, ...]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
