"""Bytes into and out of the place where a step runs: inputs before it starts, log and outputs after it ended.

The same for processes of this machine and for the agent beside a pod's step: where a path that the step
names lies is told by a function, everything else is one.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ArtifactCorrupt, ArtifactNotFound, PermanentError, StoreUnavailable
from reconciler.executors import paths
from reconciler.executors.ending import failed
from reconciler.executors.log import tail
from reconciler.executors.patience import patiently
from reconciler.model.run import Artifact, Observation, Outputs, StepCall
from reconciler.model.workflow import MISSING, ArtifactOutput, FailureClass, ParameterOutput

T = TypeVar("T")

HOPELESS = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
"""What is wrong with a path, not with the disk."""

LOG_TYPE = "text/plain; charset=utf-8"

Locate = Callable[[str], tuple[Path, str]]
"""The directory of the attempt, and the path below it, for what the step sees at an absolute path."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a store that does not answer is tried (seconds), and how large a value may be (bytes)."""

    patience: float = 60.0
    parameter_bytes: int = 16 * 1024 * 1024
    log_tail_bytes: int = 4 * 1024
    log_tail_lines: int = 50


class NotPrepared(Exception):
    """An input could not be put in place; says how the attempt ends."""

    def __init__(self, failure: FailureClass, reason: str, message: str) -> None:
        super().__init__(message)
        self.failure, self.reason, self.message = failure, reason, message


@dataclass(slots=True)
class Harvest:
    """What has been found of the outputs so far."""

    parameters: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)  # reason, message


class Transfer:
    """Moves the bytes of attempts. Every method may run in a thread, and may be repeated."""

    def __init__(self, store: ArtifactStore, bounds: Bounds, stopping: threading.Event) -> None:
        self._store = store
        self._bounds = bounds
        self._stopping = stopping

    def prepare(self, call: StepCall, locate: Locate) -> None:
        """Put the files, the input artifacts and the texts where the step looks for them."""
        try:
            self._prepare(call, locate)
        except ArtifactNotFound as error:
            raise NotPrepared(FailureClass.FAILURE, "InputMissing", error.message) from error
        except ArtifactCorrupt as error:
            raise NotPrepared(FailureClass.FAILURE, "InputCorrupt", error.message) from error
        except StoreUnavailable as error:
            raise NotPrepared(FailureClass.INFRASTRUCTURE, "StoreUnavailable", error.message) from error
        except PermanentError as error:
            raise NotPrepared(FailureClass.FAILURE, "LaunchRejected", error.message) from error
        except OSError as error:
            if error.errno not in HOPELESS:
                raise
            message = f"the paths of the step do not fit together: {error}"
            raise NotPrepared(FailureClass.FAILURE, "LaunchRejected", message) from error

    def harvest(self, call: StepCall, locate: Locate, seen: Observation, log: Path | None) -> Observation:
        """Store the log (if there is one) and the outputs; the observation of the end, completed.

        A lost attempt, one without exit code, has no outputs.
        """
        found = Harvest()
        try:
            if log is not None:
                seen = replace(seen, log=self._store_log(log, call), log_tail=self._tail(log))
            if seen.exit_code is not None:
                self._collect(call, locate, found)
        except (StoreUnavailable, PermanentError) as error:
            return failed(seen, FailureClass.INFRASTRUCTURE, "StoreUnavailable", error.message)
        seen = replace(seen, outputs=Outputs(found.parameters, found.artifacts))
        if seen.failure is None and found.problems:
            message = " ".join(message for _, message in found.problems)
            return failed(seen, FailureClass.FAILURE, found.problems[0][0], message)
        return seen

    def _prepare(self, call: StepCall, locate: Locate) -> None:
        from reconciler.artifacts.packing import place as put  # pulls in tarfile: only where something moves

        if call.bundle is not None:
            bundle = call.bundle
            base, relative = locate(paths.bundle_directory(call.working_dir))
            self._patiently(lambda: put(self._store, bundle, base / relative))
        base, relative = locate(paths.working_directory(call.working_dir))
        (base / relative).mkdir(parents=True, exist_ok=True)
        for item in call.input_files:
            artifact, path = item.artifact, target(call, locate, item.path)
            self._patiently(lambda a=artifact, p=path: put(self._store, a, p))  # type: ignore[misc]
        for text in call.input_texts:
            target(call, locate, text.path).write_text(text.text, encoding="utf-8", newline="")

    def _store_log(self, log: Path, call: StepCall) -> Artifact:
        key = f"{call.prefix}log.txt"
        stored = self._patiently(lambda: self._store.put_file(key, log, content_type=LOG_TYPE))
        return Artifact("log.txt", key, stored.size, stored.sha256, content_type=LOG_TYPE)

    def _tail(self, log: Path) -> str:
        return tail(log, self._bounds.log_tail_bytes, self._bounds.log_tail_lines)

    def _collect(self, call: StepCall, locate: Locate, found: Harvest) -> None:
        from reconciler.artifacts.packing import OutputMissing, OutputRefused  # as above

        outputs: tuple[ParameterOutput | ArtifactOutput, ...]
        outputs = (*call.parameter_outputs, *call.artifact_outputs)
        for output in outputs:
            base, relative = locate(paths.inside(output.path, call.working_dir))
            try:
                if isinstance(output, ParameterOutput):
                    self._read(base, relative, output, found)
                else:
                    self._keep(base, relative, output, call.prefix, found)
            except OutputMissing:
                message = f"Output '{output.name}' is missing: nothing stands at '{output.path}'"
                found.problems.append(("OutputMissing", message + instead(base, relative)))
            except OutputRefused as error:
                found.problems.append(("OutputRefused", f"{error.message} {error.hint}".rstrip()))

    def _read(self, base: Path, relative: str, output: ParameterOutput, found: Harvest) -> None:
        from reconciler.artifacts.packing import OutputMissing, OutputRefused  # as above

        what = f"Output '{output.name}' ({output.path})"
        try:
            data = read_beneath(base, relative, self._bounds.parameter_bytes + 1)
            found.parameters[output.name] = data.decode("utf-8")
        except OutputMissing:
            if output.default is MISSING:
                raise
            return
        except UnicodeDecodeError as error:
            raise OutputRefused(f"{what} is not text in UTF-8.") from error
        if len(data) > self._bounds.parameter_bytes:
            del found.parameters[output.name]
            limit = self._bounds.parameter_bytes
            raise OutputRefused(f"{what} is larger than {limit} bytes; make it an artifact.")

    def _keep(self, base: Path, relative: str, output: ArtifactOutput, prefix: str, found: Harvest) -> None:
        from reconciler.artifacts.packing import collect  # as above

        artifact = self._patiently(lambda: collect(self._store, output, base, prefix, path=relative))
        if artifact is not None:
            found.artifacts[output.name] = artifact

    def _patiently(self, act: Callable[[], T]) -> T:
        return patiently(act, self._bounds.patience, self._stopping)


def target(call: StepCall, locate: Locate, path: str) -> Path:
    """Where on disk an input of the step goes; its directory is there. PermanentError for a way out."""
    base, relative = locate(paths.inside(path, call.working_dir))
    whole = base / relative
    whole.parent.mkdir(parents=True, exist_ok=True)
    if whole.is_symlink() or not whole.parent.resolve().is_relative_to(base.resolve()):
        raise PermanentError(f"a symbolic link on the way to '{path}' may lead out of the attempt")
    return whole


def read_beneath(base: Path, relative: str, limit: int) -> bytes:
    """At most `limit` bytes of the regular file at that path: the step chose what lies there."""
    from reconciler.artifacts.beneath import OutputRefused, opened

    with opened(base, relative) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OutputRefused(f"'{relative}' is a directory, and a value is read from a file.")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(limit)


def instead(base: Path, relative: str) -> str:
    """What is there in its place, and which of it was probably meant."""
    import difflib  # only when something is missing

    try:
        names = sorted(entry.name for entry in os.scandir((base / relative).parent))
    except OSError:
        return ", nor is there its directory."
    if not names:
        return "; its directory is empty."
    close = difflib.get_close_matches(Path(relative).name, names, n=1)
    if close:
        return f". Did you mean '{close[0]}'?"
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return f"; its directory holds {shown}" + (f" and {len(names) - 5} more." if len(names) > 5 else ".")
