"""Our private bare clone of one branch: made, checked, fetched into, thrown away.

It is a cache of the remote. Whatever looks wrong about it (a file that git does not need, a config that
is not ours to the byte, a lock that a killed git left, an object that cannot be read) is answered by
deleting it and cloning again, once: that takes less time than finding out, and nothing that was planted
there survives. There is no work tree, so no link, hook, filter or submodule ever meets the file system.

A pass that finds nothing to do needs no more than this module: it imports `os` and its neighbours alone.
"""

from __future__ import annotations

import os

from reconciler.errors import GitError, GitUnavailable
from reconciler.git import safety
from reconciler.git.access import is_object_id
from reconciler.git.process import CommandFailed, Started, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.git.access import GitAccess

_REQUIRED = {"HEAD", "config", "objects", "refs"}
_EXPECTED = _REQUIRED | {"packed-refs"}
_FIRST_TIME_PATIENCE = 10
_CHOOSE = "Choose another state directory, or empty this one."


class Clone:
    """The branch of `access`, in the bare repository at `directory`."""

    def __init__(self, directory: str | os.PathLike[str], access: GitAccess, blob_limit: int = 0) -> None:
        self.directory = os.path.abspath(os.fspath(directory))  # noqa: PTH100
        self.access = access
        self._filter = safety.filtering(blob_limit) if blob_limit else {}
        self._begun: Started | None = None

    def begin(self) -> None:
        """Start a fetch, for which the next `fetch` waits; nothing happens where there is no sound clone."""
        if self._begun is None and self._is_sound():
            argv = safety.fetch_argv(self.directory, f"+{self.access.ref}:{self.access.ref}")
            self._begun = Started(argv, safety.environment(self.access, self._filter))

    def give_up(self) -> None:
        """End a fetch that was begun and that nobody waits for."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.end()

    def fetch(self) -> str | None:
        """Bring the branch up to the remote's; its tip, or None when the remote has no such branch.

        None leaves the last known tip in place: that a branch is gone is for the caller to judge.
        """
        begun, self._begun = self._begun, None
        return self._fetch(self.access.branch, self.access.ref, begun)

    def fetch_branch(self, branch: str) -> str | None:
        """The tip of another branch of the same remote, brought here beside ours."""
        return self._fetch(branch, f"refs/others/{branch}")

    def _fetch(self, branch: str, ref: str, begun: Started | None = None) -> str | None:
        fresh = begun is None and self.prepare()
        before = self._value(ref)
        try:
            timeout = self.access.timeout * (_FIRST_TIME_PATIENCE if fresh else 1)
            if not self._bring(branch, ref, timeout, begun):
                return None
            after = self._value(ref)
            if after is None:
                raise CommandFailed(["git"], 0, b"reference broken after the fetch")
        except CommandFailed as failure:
            from reconciler.git.translate import is_damage, translate

            if fresh or not is_damage(failure):
                raise translate(failure, self.access, f"fetch '{branch}'") from failure
            self.discard()
            return self._fetch(branch, ref)
        if begun is not None or after != before:
            self.tidy()
        return after

    def _bring(self, branch: str, ref: str, timeout: float, begun: Started | None) -> bool:
        """Fetch; False when the remote has no such branch."""
        argv = safety.fetch_argv(self.directory, f"+refs/heads/{branch}:{ref}")
        try:
            if begun is not None:
                begun.finish(timeout)
            else:
                run(argv, safety.environment(self.access, self._filter), timeout=timeout)
        except CommandFailed as failure:
            if b"couldn't find remote ref" in failure.stderr:
                return False
            if not safety.is_judged_per_file(failure.stderr):
                raise
            run(argv, safety.environment(self.access, safety.unchecked(self._filter)), timeout=timeout)
        return True

    def renew(self) -> None:
        """Throw the clone away and fetch a new one."""
        self.discard()
        self.fetch()

    def tip(self) -> str | None:
        """The commit that the last fetch brought; reads one file and starts no process."""
        return self._value(self.access.ref)

    def _value(self, ref: str) -> str | None:
        value = _read(f"{self.directory}/{ref}").strip()
        if not value:
            packed = _read(f"{self.directory}/packed-refs").splitlines()
            value = next((line.partition(" ")[0] for line in packed if line.endswith(f" {ref}")), "")
        return value if is_object_id(value) else None

    def prepare(self) -> bool:
        """Make sure that a sound clone stands there; True when it had to be made, and is empty."""
        if self._is_sound():
            return False
        self.discard()
        self._make()
        return True

    def _is_sound(self) -> bool:
        try:
            names = set(os.listdir(self.directory))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unusable("read", error) from error
        return (
            names >= _REQUIRED
            and names <= _EXPECTED
            and _read(f"{self.directory}/config") == safety.clone_config(self.access)
            and not os.path.lexists(f"{self.directory}/objects/info/alternates")
        )

    def _make(self) -> None:
        # Beside its place and then renamed, so that no half-made repository is ever there.
        unfinished = f"{self.directory}.new"
        init = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch", self.access.branch]
        try:
            os.makedirs(os.path.dirname(self.directory), exist_ok=True)  # noqa: PTH103, PTH120
            run([*init, "--end-of-options", unfinished], safety.environment())
            with open(f"{unfinished}/config", "w", encoding="utf-8") as file:
                file.write(safety.clone_config(self.access))
            os.rename(unfinished, self.directory)  # noqa: PTH104
        except OSError as error:
            raise self._unusable("write", error) from error
        except CommandFailed as failure:
            from reconciler.git.translate import translate

            raise translate(failure, None, f"make a clone at '{self.directory}'") from failure

    def discard(self) -> None:
        """Delete the clone; refuses where something else stands."""
        names = set(_names(self.directory))
        remote = self.access.url.removeprefix("file://")
        if self.access.protocol == "file" and os.path.realpath(remote) == os.path.realpath(self.directory):
            raise GitError(f"'{self.directory}' is the remote repository itself.", hint=_CHOOSE)
        if names and not names & {"HEAD", "objects"}:
            raise GitError(f"'{self.directory}' holds something else than a clone of ours.", hint=_CHOOSE)
        try:
            _delete(self.directory)
            _delete(f"{self.directory}.new")
        except OSError as error:
            raise self._unusable("write", error) from error

    def tidy(self) -> None:
        """Pack what many fetches and pushes left behind; without it the clone works too, only slower."""
        if not self._is_untidy():
            return
        # Packs that grow geometrically cost least, but git cannot do that where blobs were filtered out.
        how = ("-a",) if self._filter else ("--geometric=2",)
        argv = ["git", f"--git-dir={self.directory}", "repack", "-d", "-n", "--quiet", *how]
        try:
            run(argv, safety.environment(None, self._filter), timeout=self.access.timeout)
        except CommandFailed:
            return

    def _is_untidy(self) -> bool:
        """As `git gc --auto` decides: by the number of packs, and by one of 256 directories of objects."""
        packs = _names(f"{self.directory}/objects/pack")
        loose = _names(f"{self.directory}/objects/17")
        return sum(name.endswith(".pack") for name in packs) > 50 or len(loose) > 27

    def _unusable(self, verb: str, error: OSError) -> GitUnavailable:
        return GitUnavailable(
            f"Cannot {verb} the clone at '{self.directory}': {error.strerror}.",
            hint="Check the owner, the permissions and the free space of the state directory.",
        )


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _delete(path: str) -> None:
    if os.path.islink(path):  # noqa: PTH114
        os.unlink(path)  # noqa: PTH108
    elif os.path.lexists(path):
        from shutil import rmtree

        rmtree(path)
