"""Steps behind bubblewrap: absolute paths work, the host is read-only, and nothing outlives the command."""

from __future__ import annotations

import os
import posixpath
import signal
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.errors import LaunchRejected
from reconciler.executors import command, paths
from reconciler.executors.local import keeper, process, sandbox
from reconciler.executors.local.options import Options
from reconciler.executors.local.place import Place
from reconciler.executors.local.process import Claim, End
from reconciler.executors.local.way import Start, cookie
from reconciler.executors.log import tail
from reconciler.model.run import StepCall

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Of bubblewrap itself."""
LOOK_EVERY = 1.0
MOST_ARGUMENTS = 8000
"""bubblewrap takes 9,000 arguments."""


class Bubblewrap:
    """With a mount, pid, ipc and host name space of its own."""

    name = "bubblewrap"
    on_host = True
    reaps = False  # it does, but a moment after it has told us

    def __init__(self, options: Options, program: str, hidden: Iterable[Path]) -> None:
        self._options = options
        self._program = program
        self._hidden = tuple(str(path) for path in hidden)
        self._covered: dict[str, str] = {}
        self._top: Mapping[str, str] = {}
        self._looked_at = -LOOK_EVERY

    def refusal(self, named: Iterable[str], working_dir: str | None) -> str | None:
        for path in [*named, working_dir or "."]:
            if posixpath.isabs(path) and sandbox.is_refused(posixpath.normpath(path)):
                return f"'{path}' belongs to the system and cannot be an input or output"
        return None

    def locate(self, place: Place, seen: str) -> tuple[Path, str]:
        found = paths.spot(real(seen))
        return place.path / found.base, found.relative

    def set_up(self, place: Place, call: StepCall, secrets: Mapping[str, str]) -> Start:
        directory = paths.working_directory(call.working_dir)
        self._look()
        words = sandbox.arguments(self._view(place, call, directory), self._listing)
        words += ["--chdir", directory, "--clearenv"]
        standard = {"PATH": self._options.path, "HOME": paths.HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        for name, value in {**standard, **call.env, **secrets, process.COOKIE: cookie(place)}.items():
            words += ["--setenv", name, value]
        if len(words) > MOST_ARGUMENTS:
            raise LaunchRejected("an absolute path lies in a directory of the host with too many entries")
        options = ["--args", str(keeper.ARGUMENTS), "--json-status-fd", str(keeper.STATUS), "--"]
        run = [self._program, *options, *command.on_host(call, paths.SCRIPT)]
        return Start(run, ENVIRONMENT, place.name, words)

    def outcome(self, place: Place, end: End) -> tuple[int | None, str]:
        if end.was_run or end.code > 128:
            return end.code, ""
        said = tail(place.log, 1000, 3).strip()
        if "bwrap: execvp " in said:  # its own exit code for that is 1, a shell's is not
            return 127 if said.endswith("No such file or directory") else 126, ""
        return None, f"bubblewrap could not set up the step: {said}"

    def stop(self, place: Place, claim: Claim, number: signal.Signals) -> bool:
        found = set(process.members([cookie(place)]))
        if number is signal.SIGKILL:  # bubblewrap itself does not carry the cookie; with it, all of them end
            found.update(process.companions(claim))
        process.tell(found, number)
        return bool(found)

    def _look(self) -> None:
        """What does not change from one step to the next is looked at once a second at most."""
        if time.monotonic() - self._looked_at >= LOOK_EVERY:
            self._covered, self._top = sandbox.outermost(existing(self._hidden)), listing("/")
            self._looked_at = time.monotonic()

    def _listing(self, directory: str) -> Mapping[str, str]:
        return self._top if directory == "/" else listing(directory)

    def _view(self, place: Place, call: StepCall, directory: str) -> sandbox.View:
        seen = {real(paths.inside(path, call.working_dir)) for path in paths.paths_of(call)}
        own = sorted(path for path in seen if not paths.is_private(path))
        opened = [] if paths.is_private(directory) else [real(directory)]
        for path in [*own, *(posixpath.join(path, ".") for path in opened)]:
            (place.root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        return sandbox.View(
            root=str(place.root),
            binds={paths.WORK: str(place.work), paths.HOME: str(place.home), "/tmp": str(place.tmp)},
            own=own,
            opened=opened,
            shown={} if call.script is None else {paths.SCRIPT: str(place.script)},
            covered=self._covered,
            network=self._options.network,
        )


def real(seen: str) -> str:
    """`seen` with the host's links on the way resolved: the view keeps them, so the step follows them."""
    if paths.is_private(seen):
        return seen
    return posixpath.join(os.path.realpath(posixpath.dirname(seen)), posixpath.basename(seen))


def listing(directory: str) -> Mapping[str, str]:
    """The entries of a directory of the host."""
    try:
        with os.scandir(directory) as entries:
            return {entry.name: _kind(entry) for entry in entries}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LaunchRejected(f"'{directory}' cannot be opened up for the step: {error.strerror}") from error


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return f"->{Path(entry.path).readlink()}"
    return "directory" if entry.is_dir(follow_symlinks=False) else "file"


def existing(hidden: Iterable[str]) -> dict[str, str]:
    """Those of the paths that are there, links resolved, with their kind as in a listing."""
    found = {}
    for path in hidden:
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 (sixty of them before each start)
        except OSError:
            continue
        real_path = os.path.realpath(path)
        if not paths.is_private(real_path):  # not seen anyway
            found[real_path] = "directory" if stat.S_ISDIR(mode) else "file"
    return found
