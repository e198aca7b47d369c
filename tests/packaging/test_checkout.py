"""What a person meets in a checkout: make, the changelog, the license, modules of a readable size."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import reconciler

ROOT = Path(__file__).parents[2]


def test_make_explains_itself() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = ("demo", "test", "test-cluster", "dev-cluster", "lint", "testbed", "bench", "lock", "clean")
    for target in targets:
        assert re.search(rf"^  make {target} +\S", done.stdout, re.MULTILINE), target


def test_make_chooses_a_python_that_can_run_the_package(tmp_path: Path) -> None:
    """A newer or older `python3` on the PATH is passed over, as is one without venv."""
    for name, code in {"python3.14": 1, "python3.13": 0, "python3": 0}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--dry-run", "--always-make", ".venv/python.stamp"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "python3.13 -m venv" in done.stdout


def test_versions_agree() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\d\S*)", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == reconciler.__version__


def test_the_license_is_the_whole_of_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_modules_stay_small() -> None:
    """The ceiling of the house: 300 lines. The docstring of a longer one says why it is a long one."""
    long = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "reconciler").rglob("*.py"))
        if len(path.read_text().splitlines()) > 300 and "a long one" not in _docstring(path)
    ]
    assert long == []


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""
