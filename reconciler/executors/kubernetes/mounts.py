"""Where what a step names lies in its pod. Pure: paths in, mounts of one shared volume out.

Inputs are shown exactly where the step wants them, read-only; of an output its directory is shared, since
only a directory can be mounted before there is anything in it. What lies in another mount needs none of
its own, and an input with an output below it is shared as a whole.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from reconciler.errors import LaunchRejected
from reconciler.executors import paths
from reconciler.executors.kubernetes.errand import Mount
from reconciler.model.run import StepCall

PRIVATE = (Mount(paths.WORK, "work"), Mount(paths.HOME, "home"), Mount("/tmp", "tmp"))

_NEEDED = frozenset(
    {"/", "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/root", "/run"}
    | {"/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local", "/usr/local/bin"}
    | {"/usr/local/lib", "/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/run"}
)
_NEVER = ("/proc", "/sys", "/dev", "/var/run/secrets", "/run/secrets/kubernetes.io", paths.INSIDE)


def shared(call: StepCall) -> tuple[Mount, ...]:
    """The mounts of the volume that step and agent share. Raises LaunchRejected for a path that no pod may
    have there."""
    writable = {directory: True for directory in _directories(call)}
    wanted = {path: False for path in _inputs(call)} | writable
    found = list(PRIVATE)
    for seen in sorted(wanted, key=lambda path: (path.count("/"), path)):
        if any(is_within(seen, mount.seen) for mount in found):
            continue
        below = any(wanted[other] for other in wanted if is_within(other, seen))
        found.append(Mount(seen, f"{'out' if below else 'in'}/{len(found)}", writable=below))
    return tuple(found)


def working_mounts(call: StepCall) -> tuple[Mount, ...]:
    """A relative working directory, mounted as such: the kubelet then makes it for whoever the step is."""
    directory = paths.working_directory(call.working_dir)
    if directory == paths.WORK or not is_within(directory, paths.WORK):
        return ()
    return (Mount(directory, posixpath.join("work", posixpath.relpath(directory, paths.WORK))),)


def check(seen: str, what: str) -> None:
    """Refuse a place that belongs to the image's system, to the kernel or to us."""
    if paths.is_private(seen) or is_within(seen, "/dev/shm"):
        return
    if seen in _NEEDED:
        raise LaunchRejected(f"{what} '{seen}' would hide a directory that programs need; use one below it")
    if any(is_within(seen, top) for top in _NEVER):
        raise LaunchRejected(f"{what} '{seen}' belongs to the system")


def _inputs(call: StepCall) -> Iterator[str]:
    for path in paths.inputs_of(call):
        seen = paths.inside(path, call.working_dir)
        check(seen, "input")
        yield seen


def _directories(call: StepCall) -> Iterator[str]:
    """What must be shared as a directory: that of each output, and the one that files are laid in."""
    if call.bundle is not None:
        seen = paths.bundle_directory(call.working_dir)
        check(seen, "the working directory")
        yield seen
    for output in call.parameter_outputs:
        yield _parent(paths.inside(output.path, call.working_dir))
    for artifact in call.artifact_outputs:
        seen = paths.inside(artifact.path, call.working_dir)
        # Beside the root of the file system there is nothing to share: the output must be a directory.
        directory = seen if posixpath.dirname(seen) == "/" else posixpath.dirname(seen)
        check(directory, f"output '{seen}': its directory")
        yield directory


def _parent(seen: str) -> str:
    directory = posixpath.dirname(seen)
    check(directory, f"output '{seen}': its directory")
    return directory


def is_within(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def to_volume_mounts(mounts: Iterable[Mount], volume: str) -> list[dict[str, object]]:
    """As the containers of a pod write it."""
    return [
        {"name": volume, "mountPath": m.seen, "subPath": m.at, **({} if m.writable else {"readOnly": True})}
        for m in mounts
    ]
