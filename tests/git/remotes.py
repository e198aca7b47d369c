"""Real remotes: bare repositories, filled as anyone who can push could fill them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.model.ledger import LedgerCommit

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "author",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_COMMITTER_NAME": "author",
    "GIT_COMMITTER_EMAIL": "author@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


def git(directory: Path, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env={**ENV, **(env or {})}, input=stdin, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace").strip()


Tree = dict[bytes, Any]
"""What stands in a tree: bytes are files, a dict is a directory, a tuple is (mode, content or id)."""


class Remote:
    """A bare repository on a server, whose objects are written byte by byte."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        git(directory, "init", "--quiet", "--bare", "--initial-branch=main")
        git(directory, "config", "uploadpack.allowFilter", "true")
        git(directory, "config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def url(self) -> str:
        return str(self.directory)

    def git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        return git(self.directory, *arguments, stdin=stdin, env=env)

    def object(self, kind: str, content: bytes) -> str:
        return self.git("hash-object", "-w", "-t", kind, "--literally", "--stdin", stdin=content)

    def tree(self, entries: list[tuple[bytes, Any]]) -> str:
        """A tree in the very order given, whatever is in it; git's own commands would refuse some."""
        content = b""
        for name, value in entries:
            mode, oid = self._entry(value)
            content += mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid)
        return self.object("tree", content)

    def _entry(self, value: Any) -> tuple[str, str]:
        match value:
            case bytes():
                return "100644", self.object("blob", value)
            case dict():
                return "40000", self.tree(sorted(value.items()))
            case (mode, bytes() as content):
                return mode, self.object("blob", content)
            case (mode, str() as oid):
                return mode, oid
        raise TypeError(value)

    def commit(
        self,
        files: Mapping[str, Any],
        *,
        branch: str = "main",
        parent: str | None = "tip",
        message: str = "x",
    ) -> str:
        """A commit with exactly these top-level entries."""
        tree = self.tree(sorted((name.encode(), value) for name, value in files.items()))
        return self.commit_tree(tree, branch=branch, parent=parent, message=message)

    def commit_tree(
        self, tree: str, *, branch: str = "main", parent: str | None = "tip", message: str = "x"
    ) -> str:
        if parent == "tip":
            parent = self.tip(branch)
        parents = ["-p", parent] if parent else []
        commit = self.git("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def tip(self, branch: str = "main") -> str | None:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None

    def log(self, branch: str = "runs", form: str = "%s") -> list[str]:
        return self.git("log", "--reverse", f"--format={form}", branch).splitlines()


def run_commit(number: int, workflow: str = "train", message: str = "") -> LedgerCommit:
    return LedgerCommit(
        message or f"{workflow} #{number}: Succeeded\n\nRun-Id: {workflow}-{number}\n",
        1_700_000_000 + number,
        {
            f"{workflow}/run.json": b'{"number": %d}\n' % number,
            f"{workflow}/README.md": b"# %d\n" % number,
            "README.md": b"overview\n",
        },
    )
