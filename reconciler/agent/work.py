"""One call of the agent from beginning to end, and the word that it leaves for the pass.

What the step sees at a path lies somewhere on the shared volume; all the rest is done as for a process of
one machine. Nobody else may have written there before `fetch`, and anybody may have until `put`.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from reconciler.agent.surroundings import DEFAULT_MESSAGE, MESSAGE, Surroundings, look, read_errand
from reconciler.errors import PermanentError, ReconcilerError, StoreUnavailable
from reconciler.executors import paths
from reconciler.executors.kubernetes.errand import (
    MANIFEST,
    Errand,
    Harvest,
    dump_complaint,
    dump_harvest,
)
from reconciler.executors.patience import patiently
from reconciler.executors.transfer import NotPrepared, Transfer
from reconciler.model.run import Observation, Status
from reconciler.model.workflow import FailureClass

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
UMASK = 0o002
"""A step with another user than the agent has the volume's group in common with it."""

SCRIPT_MODE = 0o555


def fetch(environ: Mapping[str, str]) -> int:
    """Lay out what the step will find. The exit code."""
    return _told(environ, _fetch)


def put(environ: Mapping[str, str]) -> int:
    """Store what the step has left, the manifest last. The exit code."""
    return _told(environ, _put)


def _told(environ: Mapping[str, str], act: Callable[[Surroundings, Errand], None]) -> int:
    """Do it; what goes wrong becomes the termination message and an exit code."""
    os.umask(UMASK)
    try:
        found = look(environ)
        act(found, read_errand(environ, found))
    except Exception as error:  # whatever it is, the pass should hear of it
        complaint = dump_complaint(_complaint(error))
        print(complaint, file=sys.stderr)
        _leave(environ.get(MESSAGE) or DEFAULT_MESSAGE, complaint)
        return 1
    return 0


def _fetch(found: Surroundings, errand: Errand) -> None:
    for top in sorted({mount.at.partition("/")[0] for mount in errand.mounts}):
        shutil.rmtree(found.io / top, ignore_errors=True)  # of a `fetch` that was interrupted
    for directory in errand.directories():
        (found.io / directory).mkdir(parents=True, exist_ok=True)
    locate = partial(_locate, found.io, errand)
    if errand.call.script is not None:
        _write_script(*locate(paths.SCRIPT), errand.call.script)
    Transfer(found.store, found.bounds, threading.Event()).prepare(errand.call, locate)


def _put(found: Surroundings, errand: Errand) -> None:
    seen = Observation(
        errand.call.key, Status.ENDED, exit_code=0
    )  # what it was is not for the agent to judge
    transfer = Transfer(found.store, found.bounds, threading.Event())
    seen = transfer.harvest(errand.call, partial(_locate, found.io, errand), seen, None)
    if seen.failure is FailureClass.INFRASTRUCTURE:
        raise NotPrepared(seen.failure, seen.reason, seen.message)
    manifest = dump_harvest(Harvest(seen.outputs, seen.failure, seen.reason, seen.message))
    content, key = manifest.encode("utf-8", "replace"), f"{errand.call.prefix}{MANIFEST}"
    patiently(
        lambda: found.store.put(key, io.BytesIO(content), content_type="application/json"),
        found.bounds.patience,
        threading.Event(),
    )


def _locate(volume: Path, errand: Errand, seen: str) -> tuple[Path, str]:
    try:
        base, relative = errand.locate(seen)
    except LookupError as error:
        raise PermanentError(str(error)) from error
    return volume / base, relative


def _write_script(base: Path, relative: str, text: str) -> None:
    path = base / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    path.chmod(SCRIPT_MODE)


def _complaint(error: Exception) -> Harvest:
    """What the pass is told of an error."""
    lack = _lack_of_space(error)
    if lack is not None:
        where = f" at {lack.filename}" if lack.filename else ""
        message = f"the volume of the step is full{where}; give the pod more ephemeral storage"
        return Harvest(failure=FailureClass.INFRASTRUCTURE, reason="NoSpace", message=message)
    if isinstance(error, NotPrepared):
        return Harvest(failure=error.failure, reason=error.reason, message=error.message)
    if isinstance(error, ReconcilerError):
        reason = "StoreUnavailable" if isinstance(error, StoreUnavailable) else "AgentFailed"
        message = f"{error.message} {error.hint}".strip()
        return Harvest(failure=FailureClass.INFRASTRUCTURE, reason=reason, message=message)
    message = f"{type(error).__name__}: {error}"
    return Harvest(failure=FailureClass.INFRASTRUCTURE, reason="AgentFailed", message=message)


def _lack_of_space(error: BaseException | None) -> OSError | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            return error
        error = error.__cause__
    return None


def _leave(path: str, complaint: str) -> None:
    try:
        Path(path).write_bytes(complaint.encode("utf-8", "replace"))
    except OSError as error:
        print(f"{path} cannot be written: {error.strerror}", file=sys.stderr)
