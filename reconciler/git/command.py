"""The only way to run git: a constant command, hardened surroundings, and our errors.

Two ways lead to git, on purpose. Everything between us and a remote, and everything that reads what
others pushed, goes through `Git` here: one process, run by `process`, told by `safety`. GitPython serves
where a person's own checkout is read (`worktree`): there the person's own configuration is meant to count,
and the 75 ms of its import do not hurt. It is not used for remotes, because its timeout ends git but not
the helper that git started for http or ssh, because it passes the caller's whole environment on, and
because a pass without work would pay for its import four times what the pass costs.

Arguments are constants of this package; what comes from elsewhere stands after `--end-of-options` and
was checked, or goes in by standard input.
"""

from __future__ import annotations

from reconciler.git import safety
from reconciler.git.process import CommandFailed, run, stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from reconciler.git.access import GitAccess


class Git:
    """Git on one bare repository of ours; reaches the remote of `access`, and only when told to."""

    def __init__(self, directory: str, access: GitAccess) -> None:
        self.directory = directory
        self.access = access

    def execute(
        self,
        command: str,
        *arguments: str,
        stdin: Iterable[bytes] = (),
        config: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        remote: bool = False,
    ) -> bytes:
        """The output of one command; CommandFailed, with all that git said, where it fails."""
        argv = ["git", f"--git-dir={self.directory}", command, *arguments]
        env = self._env(config, variables, remote)
        return run(argv, env, stdin=stdin, timeout=self.access.timeout)

    def run(
        self,
        command: str,
        *arguments: str,
        doing: str,
        stdin: Iterable[bytes] = (),
        config: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> bytes:
        """The output of one local command; `doing` completes "Could not ..." where it fails."""
        try:
            return self.execute(command, *arguments, stdin=stdin, config=config, variables=variables)
        except CommandFailed as failure:
            raise self._broken(failure, doing) from failure

    def stream(
        self,
        command: str,
        *arguments: str,
        doing: str,
        stdin: Iterable[bytes] = (),
        strict: bool = False,
    ) -> Generator[bytes, None, None]:
        """The output of one local command as it comes; `strict` as in `process.stream`."""
        argv = ["git", f"--git-dir={self.directory}", command, *arguments]
        env = self._env(None, None, False)
        try:
            yield from stream(argv, env, stdin=stdin, timeout=self.access.timeout, strict=strict)
        except CommandFailed as failure:
            raise self._broken(failure, doing) from failure

    def answer(
        self, command: str, *arguments: str, doing: str, config: Mapping[str, str] | None = None
    ) -> bytes | None:
        """The output of a local command that says no by ending with 1."""
        try:
            return self.execute(command, *arguments, config=config)
        except CommandFailed as failure:
            if failure.code == 1:
                return None
            raise self._broken(failure, doing) from failure

    def items(
        self, command: str, *arguments: str, doing: str, stdin: Iterable[bytes] = ()
    ) -> Generator[bytes, None, None]:
        """What one local command prints with `-z`, item by item."""
        rest = b""
        for chunk in self.stream(command, *arguments, doing=doing, stdin=stdin):
            *items, rest = (rest + chunk).split(b"\0")
            yield from items
        if rest:
            yield rest

    def has(self, oid: str) -> bool:
        """Whether the clone holds an object."""
        return self.answer("cat-file", "-e", oid, doing=f"look for {oid[:12]}") is not None

    def objects(self, asked: Iterable[bytes], doing: str) -> Generator[bytes, None, None]:
        """The objects named in `asked`, one a line, as `cat-file --batch` writes them."""
        return self.stream("cat-file", "--batch", "--buffer", doing=doing, stdin=asked, strict=True)

    def _broken(self, failure: CommandFailed, doing: str) -> Exception:
        from reconciler.git.translate import of_local_use

        return of_local_use(failure, doing)

    def _env(
        self, config: Mapping[str, str] | None, variables: Mapping[str, str] | None, remote: bool
    ) -> dict[str, str]:
        env = safety.environment(self.access if remote else None, dict(config or {}))
        env.update(variables or {})
        return env
