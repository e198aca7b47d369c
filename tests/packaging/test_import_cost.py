"""What is slow to import is imported by whoever needs it: seen in `sys.modules`, not by a clock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli import COMMANDS

ROOT = Path(__file__).parents[2]
SLOW = (
    "kubernetes",
    "minio",
    "jsonschema_rs",
    "sqlite_utils",
    "git",
    "rich",
    "cel_expr_python",
)


def imported(code: str, *words: str) -> set[str]:
    """The slow packages that running `code` with the arguments `words` leaves behind."""
    program = "\n".join(
        [
            "import sys",
            f"sys.argv[1:] = {list(words)!r}",
            "try:",
            f"    {code}",
            "except SystemExit:",
            "    pass",
            f"print('\\n' + ' '.join(m for m in {SLOW!r} if m in sys.modules))",
        ]
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_imports_nothing_slow(words: list[str]) -> None:
    assert imported("from reconciler.__main__ import run; run(sys.argv[1:])", *words) == set()


@pytest.mark.parametrize(
    "module",
    [
        "reconciler.model.run",
        "reconciler.core.plan",
        "reconciler.git.repository",
        "reconciler.state",
        "reconciler.artifacts",
        "reconciler.executors",
        "reconciler.ledger",
        "reconciler.settings",
    ],
)
def test_a_package_imports_nothing_slow(module: str) -> None:
    assert imported(f"import {module}") == set()
