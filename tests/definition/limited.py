"""Checks hostile files in a process of its own, with a bound on time and memory that the kernel enforces.

A limit that is passed, a crash or an exception ends the process, and the test with it; what a slow machine
does to the clock on the wall does not matter, since processor time is counted.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

MEMORY = 1024**3
_PROGRAM = """
import json, pathlib, sys
from reconciler.definition import check_text

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    verdict = check_text(path.read_bytes())
    found = {"names": [c.name for c in verdict.documents], "problems": [str(p) for p in verdict.problems]}
    print(json.dumps({"file": path.name, **found}), flush=True)
"""


def check(folder: Path, files: Mapping[str, bytes], *, seconds: int = 10) -> dict[str, list[str]]:
    """The problems of each file; all of them are checked one after the other within the limits."""
    return {name: found["problems"] for name, found in _run(folder, files, seconds).items()}


def names(folder: Path, files: Mapping[str, bytes], *, seconds: int = 10) -> dict[str, list[str]]:
    """The sound workflows of each file."""
    return {name: found["names"] for name, found in _run(folder, files, seconds).items()}


def _run(folder: Path, files: Mapping[str, bytes], seconds: int) -> dict[str, dict[str, list[str]]]:
    for name, data in files.items():
        (folder / name).write_bytes(data)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {line["file"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert "The checker failed" not in done.stdout
    unfinished = sorted(files.keys() - found.keys())
    assert done.returncode == 0, f"ended with {done.returncode} at {unfinished[:1]}: {done.stderr[-2000:]}"
    return found
