"""The locks pin every package by hash, for every supported Python, and name no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def entries(lock: Path) -> dict[str, str]:
    """Package name to the whole entry, hashes included."""
    text = re.sub(r"(?m)^\s*#.*\n", "", lock.read_text()).replace("\\\n", " ")
    return {re.split(r"[=\[ ;]", line, maxsplit=1)[0]: line for line in text.splitlines() if line}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_entry_is_one_version_with_hashes(lock: Path) -> None:
    for line in entries(lock).values():
        assert re.match(r"[a-z0-9-]+==[\w.]+ ", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_registry_and_no_path_is_named(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(
        r"://|--(extra-)?index-url|--find-links|--trusted-host|\bfile:|^-", text, re.MULTILINE
    )
    assert " @ " not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_the_lock_does_not_depend_on_the_python_that_made_it(lock: Path) -> None:
    """`--universal` leaves markers where versions differ; a lock for one Python would name it."""
    assert not re.search(r"python_version == ", lock.read_text())


def test_the_locks_hold_what_the_package_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, dev = (entries(ROOT / f"requirements/{name}.lock") for name in ("runtime", "dev"))

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=!~ \[;]", r, maxsplit=1)[0].lower() for r in requirements}

    assert names(project["dependencies"]) <= runtime.keys()
    assert names(project["optional-dependencies"]["dev"]) <= dev.keys()


def test_development_uses_the_versions_that_are_shipped() -> None:
    runtime, dev = (entries(ROOT / f"requirements/{name}.lock") for name in ("runtime", "dev"))
    assert {name: line.split()[0] for name, line in runtime.items()} == {
        name: dev[name].split()[0] for name in runtime
    }
