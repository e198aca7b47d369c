"""What `pip install` gives: everything that travels in the wheel, found outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path

import pytest

import reconciler

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a fresh environment outside the checkout with the wheel in it.

    In CI the dependencies are installed from the lock; elsewhere those of this environment are lent.
    """
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(home, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin/python"), "install", "--quiet"]
    if os.environ.get("CI"):
        subprocess.run([*pip, "--require-hashes", "-r", ROOT / "requirements/runtime.lock"], check=True)
    else:
        (packages,) = home.glob("lib/python*/site-packages")
        (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([*pip, "--no-deps", "--no-compile", str(wheel)], check=True)
    return home / "bin"


def run(installed: Path, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the fresh environment, with nothing of this one but the PATH."""
    environment = {
        "PATH": f"{installed}:{os.environ['PATH']}",
        "HOME": str(cwd),
        "LANG": "C.UTF-8",
        **variables,
    }
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def files(folder: str) -> Sequence[str]:
    """The files of a folder that git knows, or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.mark.parametrize("folder", ["schemas", "repo-template"])
def test_the_wheel_holds_every_file_of_the_shared_folders(wheel: Path, folder: str) -> None:
    """Also the hidden ones, which many a packaging tool leaves out."""
    content = set(zipfile.ZipFile(wheel).namelist())
    assert files(folder)
    assert {f"reconciler/_share/{name}" for name in files(folder)} <= content


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"reconciler", f"reconciler-{reconciler.__version__}.dist-info"}


def test_the_metadata_names_version_license_and_supported_pythons(wheel: Path) -> None:
    text = zipfile.ZipFile(wheel).read(f"reconciler-{reconciler.__version__}.dist-info/METADATA").decode()
    metadata = HeaderParser().parsestr(text)
    assert metadata["Version"] == reconciler.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == "<3.15,>=3.11"
    for minor in range(11, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in metadata.get_all("Classifier", [])


def test_every_dependency_has_a_lower_and_an_upper_bound(wheel: Path) -> None:
    text = zipfile.ZipFile(wheel).read(f"reconciler-{reconciler.__version__}.dist-info/METADATA").decode()
    runtime = [r for r in HeaderParser().parsestr(text).get_all("Requires-Dist", []) if "extra ==" not in r]
    assert all(">=" in r and "<" in r for r in runtime), runtime


def test_what_is_installed_agrees_with_the_metadata(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "python", "-m", "pip", "check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_installed_program_runs_a_workflow_from_push_to_ledger(installed: Path, tmp_path: Path) -> None:
    """init, validate, schema, push, pass and the result in git, far from any checkout."""
    remote, identity = tmp_path / "remote.git", ["-c", "user.name=Jo", "-c", "user.email=jo@example.com"]

    def ok(*words: str, cwd: Path = tmp_path) -> str:
        done = run(
            installed,
            *words,
            cwd=cwd,
            RECONCILER_REPOSITORY_URL=str(remote),
            RECONCILER_STATE_DIRECTORY=str(tmp_path / "state"),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert ok("reconciler", "--version").strip().endswith(reconciler.__version__)
    ok("reconciler", "init", "flows")
    flows = tmp_path / "flows"
    assert ok("reconciler", "schema") == (flows / ".reconciler/workflow.schema.json").read_text()
    ok("reconciler", "validate", cwd=flows)
    ok("git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    ok("git", "add", "--all", cwd=flows)
    ok("git", *identity, "commit", "--quiet", "--message=Start", cwd=flows)
    ok("git", "push", "--quiet", str(remote), "HEAD:main", cwd=flows)
    ok("reconciler", "pass")
    history = ok(
        "git",
        "log",
        "--format=%(trailers:key=Workflow,valueonly,separator=) %(trailers:key=Phase,valueonly,separator=)",
        "runs",
        cwd=remote,
    )
    assert sorted(history.splitlines()) == ["churn Succeeded", "weather Succeeded"]
