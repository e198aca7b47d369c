"""A place to try the whole thing in: a remote repository, a person's clone of it, and an operator's settings.

Everything is real: git, SQLite, processes. The settings are those of a laptop.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests import forked

PROGRAM = [sys.executable, "-m", "reconciler"]
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass
class Place:
    """`remote` is bare, `clone` is where a person works, `state` belongs to the reconciler."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.remote = self.root / "remote.git"
        self.clone = self.root / "clone"
        self.state = self.root / "state"
        if not self.remote.exists():
            self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), cwd=self.root)
            self.git("clone", "--quiet", str(self.remote), str(self.clone), cwd=self.root)
            self.git("checkout", "--quiet", "-b", "main")

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run git as the person does."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.root), **PERSON}
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.clone, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, path: str, text: str) -> None:
        file = self.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def push(self, message: str = "Change workflows", **files: str) -> str:
        """Write `files`, commit everything, push; the revision. `a__b` stands for `workflows/a-b.yaml`."""
        for name, text in files.items():
            self.write(f"workflows/{name.replace('__', '-')}.yaml", text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD").strip()

    @property
    def env(self) -> dict[str, str]:
        """The environment of the reconciler: the operator's settings and nothing else."""
        settings = {
            "RECONCILER_REPOSITORY_URL": str(self.remote),
            "RECONCILER_STATE_DIRECTORY": str(self.state),
            "RECONCILER_EXECUTOR_ISOLATION": "none",
        }
        base = {"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"}
        return {**base, **settings, **self.environment}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a `reconciler` command."""
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            env={**self.env, **environment},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run a `reconciler` command to its end; returns what it printed."""
        ended, out, err = self.end(*arguments, **environment)
        assert ended == code, f"exit code {ended}\n{out}\n{err}"
        return out + err

    def end(self, *arguments: str, cwd: Path | None = None, **environment: str) -> tuple[int, str, str]:
        """Run a command to its end, whatever that is: its exit code, output and errors."""
        variables = {**self.env, **environment}
        if forked.can_run(variables):
            return forked.run(arguments, variables, cwd or self.root)
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=variables,
            cwd=cwd or self.root,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout, done.stderr

    def history(self, form: str = "%s") -> list[str]:
        """The ledger, oldest first."""
        if not self.git("branch", "--list", "runs", cwd=self.remote).strip():
            return []
        return self.git("log", "--reverse", f"--format={form}", "runs", cwd=self.remote).splitlines()

    def tree(self, branch: str) -> dict[str, str]:
        """What stands on a branch of the remote: the blob of every file by its path."""
        listed = self.git("ls-tree", "-r", branch, cwd=self.remote).splitlines()
        return {path: about.split()[2] for about, _, path in (line.partition("\t") for line in listed)}

    def ledger_file(self, path: str) -> str:
        return self.git("show", f"runs:{path}", cwd=self.remote)
