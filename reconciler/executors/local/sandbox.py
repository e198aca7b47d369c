"""A private view of the host's file system, as arguments of bubblewrap. Pure but for the listing it is given.

Every entry of the host's root is there, read-only. A directory that must hold a path of the step's own is
opened up: a private directory in its place, with each of the host's entries bound back into it, so that
nothing is hidden but what the step itself names. Credentials of the pass are covered last.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.executors import paths

Listing = Callable[[str], Mapping[str, str]]
"""The entries of a directory of the host: name -> "directory", "file" (or other), or "->target" of a link."""

_OWN_AT_TOP = frozenset({"proc", "dev", "tmp"})


@dataclass(frozen=True, slots=True)
class View:
    """What a step sees. `own` are absolute paths of the step's own, with all links in their parents
    resolved; `opened` directories where it may make more; `binds` host directories at fixed places;
    `covered` paths of the host that nobody may look at, with their kind as in a Listing."""

    root: str
    binds: Mapping[str, str]
    own: Collection[str] = ()
    opened: Collection[str] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    covered: Mapping[str, str] = field(default_factory=dict)
    network: bool = True


def arguments(view: View, listing: Listing) -> list[str]:
    """Everything before the command."""
    opened = _with_parents({*view.opened, *view.own, *view.binds, *view.shown}) | set(view.opened)
    disk = bool(view.own or view.opened)
    words = ["--bind", view.root, "/"] if disk else []
    words += _entries("/", opened, {*view.own, *view.binds, *view.shown}, listing)
    words += ["--proc", "/proc", "--dev", "/dev"]
    for seen, host in view.binds.items():
        words += ["--bind", host, seen]
    for seen, host in view.shown.items():
        words += ["--ro-bind", host, seen]
    for path, kind in sorted(view.covered.items()):
        if path not in view.own:
            words += ["--tmpfs", path] if kind == "directory" else ["--ro-bind", "/dev/null", path]
    if not disk:
        words += ["--remount-ro", "/"]
    words += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL", "--die-with-parent"]
    return words + ([] if view.network else ["--unshare-net"])


def _entries(
    directory: str, opened: Collection[str], own: Collection[str], listing: Listing
) -> Iterator[str]:
    """The host's entries of an opened directory, bound back."""
    for name, kind in sorted(listing(directory).items()):
        path = posixpath.join(directory, name)
        if path in own or (directory == "/" and name in _OWN_AT_TOP):
            continue
        if path in opened and kind == "directory":
            yield from _entries(path, opened, own, listing)
        elif kind.startswith("->"):
            yield from ("--symlink", kind[2:], path)
        else:
            yield from ("--ro-bind-try", path, path)


def _with_parents(seen: Collection[str]) -> set[str]:
    """The directories above each path, short of those that are private as a whole."""
    found = {"/"}
    for path in seen:
        above = posixpath.dirname(path)
        while above not in found:
            found.add(above)
            above = posixpath.dirname(above)
    return found


def outermost(covered: Mapping[str, str]) -> dict[str, str]:
    """Without those that lie in a directory which is covered anyway."""
    directories = {path for path, kind in covered.items() if kind == "directory"}
    return {path: kind for path, kind in covered.items() if not _above(path) & directories}


def _above(path: str) -> set[str]:
    return _with_parents({path}) - {"/"}


def is_refused(seen: str) -> bool:
    """Whether no step may have a path there."""
    return seen == "/" or (paths.is_system(seen) and not paths.is_private(seen))
