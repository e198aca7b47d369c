"""What the executor tells the agent in a pod, and what the agent answers. Pure; both sides import it.

The question travels as JSON in a variable of the agent, or, where it is too large for that, as an object
in the store. The answer is the last object that the agent writes: what user code has made of the outputs
cannot forge it, because it has no key to the store.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reconciler.model import codec
from reconciler.model.run import Outputs, StepCall
from reconciler.model.workflow import FailureClass

IO = "/io"
"""Where agents see the volume that they share with the step."""

STORE_KEYS = "/reconciler/s3"
"""Where agents see the store's Secret: files `access-key` and `secret-key`."""

ERRAND, ERRAND_KEY = "RECONCILER_JOB", "RECONCILER_JOB_KEY"
STORE_URL, STORE_ENDPOINT = "RECONCILER_STORE_URL", "RECONCILER_STORE_ENDPOINT"
STORE_REGION, STORE_SECURE = "RECONCILER_STORE_REGION", "RECONCILER_STORE_SECURE"
PATIENCE, PARAMETER_BYTES = "RECONCILER_PATIENCE", "RECONCILER_PARAMETER_BYTES"
"""The variables of an agent: the errand or its key in the store; the store; seconds that a store may be
silent, and the largest value in bytes."""

INLINE_BYTES = 32 * 1024
"""The largest errand that is given in a variable."""

MANIFEST = "manifest.json"
ERRAND_OBJECT = "job.json"
"""Names of objects below the attempt's prefix."""


@dataclass(frozen=True, slots=True)
class Mount:
    """What the step sees at the absolute path `seen` lies at `at` below the shared volume.

    A writable mount is a directory, made by `fetch` before the step starts. One that is not is an input
    (file or directory, shown read-only) or the script, and is there once `fetch` has put it there.
    """

    seen: str
    at: str
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Errand:
    """What an agent moves. `call` comes without command, env, secrets, pod and manifest; its `script` is
    set only where `fetch` must write it (mode 0555) to where `paths.SCRIPT` lies."""

    call: StepCall
    mounts: tuple[Mount, ...]

    def locate(self, seen: str) -> tuple[str, str]:
        """The directory below the shared volume, and the path below it, for an absolute path.

        What was mounted as a whole is named from its parent, which the step cannot reach. LookupError
        for a path that lies in no mount.
        """
        mount = covering(self.mounts, seen)
        if mount is None:
            raise LookupError(f"'{seen}' lies in no directory that the step shares with its agent")
        if seen == mount.seen:
            return posixpath.split(mount.at)
        return mount.at, posixpath.relpath(seen, mount.seen)

    def directories(self) -> tuple[str, ...]:
        """Every directory below the shared volume that must exist before the step starts."""
        return tuple(mount.at for mount in self.mounts if mount.writable)


@dataclass(frozen=True, slots=True)
class Harvest:
    """The agent's answer: what it stored, and why that is not all (failure None: it is all).

    Also the form of an agent's termination message, then without outputs.
    """

    outputs: Outputs = field(default_factory=Outputs)
    failure: FailureClass | None = None
    reason: str = ""
    message: str = ""


def covering(mounts: Iterable[Mount], seen: str) -> Mount | None:
    """The innermost mount that an absolute path lies in."""
    found = [m for m in mounts if seen == m.seen or seen.startswith(m.seen.rstrip("/") + "/")]
    return max(found, key=lambda mount: len(mount.seen), default=None)


def for_agent(call: StepCall, *, with_script: bool) -> StepCall:
    """The part of a call that an agent needs: nothing of what the step is given by variable or secret."""
    return StepCall(
        key=call.key,
        prefix=call.prefix,
        script=call.script if with_script else None,
        working_dir=call.working_dir,
        bundle=call.bundle,
        input_files=call.input_files,
        input_texts=call.input_texts,
        parameter_outputs=call.parameter_outputs,
        artifact_outputs=call.artifact_outputs,
    )


def dump_errand(errand: Errand) -> str:
    return _dumps(codec.encode(errand))


def load_errand(text: str | bytes) -> Errand:
    """Raises ValueError for anything that `dump_errand` did not write."""
    return codec.decode(Errand, json.loads(text))


def dump_harvest(harvest: Harvest) -> str:
    return _dumps(codec.encode(harvest))


def load_harvest(text: str | bytes) -> Harvest:
    """Raises ValueError for anything that `dump_harvest` did not write."""
    return codec.decode(Harvest, json.loads(text))


def dump_complaint(harvest: Harvest, limit: int = 4096) -> str:
    """A termination message: at most `limit` bytes, the message cut where need be."""
    harvest, message = replace(harvest, outputs=Outputs()), harvest.message
    while len((text := dump_harvest(harvest)).encode("utf-8", "replace")) > limit:
        message = message[: len(message) * 3 // 4]
        harvest = replace(harvest, message=message + "...")
    return text


def _dumps(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
