"""A plain directory as a source: the same entries as if it had been pushed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.git.repository import Repository
from reconciler.git.tree import TreeEntry
from reconciler.git.worktree import Worktree
from tests.git.remotes import Remote, git


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    (place / "flows").mkdir()
    (place / "flows" / "a.yaml").write_text("a: 1\n")
    (place / "run.sh").write_text("true\n")
    (place / "run.sh").chmod(0o755)
    (place / ".gitignore").write_text("*.log\nbuild/\n")
    git(place, "add", "-A")
    git(place, "commit", "--quiet", "-m", "x")
    return place


def paths(worktree: Worktree) -> dict[str, str]:
    return {entry.path: entry.refused for entry in worktree.entries()}


def test_a_checkout_gives_the_entries_that_pushing_it_would_give(
    remote: Remote, repository: Repository, checkout: Path
) -> None:
    git(checkout, "push", "--quiet", remote.url, "main")
    tip = repository.fetch()
    assert tip

    worktree = Worktree(checkout)
    entries = list(worktree.entries())
    assert entries == list(repository.entries(tip))
    blobs = [entry.blob for entry in entries]
    assert dict(worktree.read(blobs, 1000)) == dict(repository.read(blobs, 1000))


def test_new_files_count_and_ignored_and_deleted_ones_do_not(checkout: Path) -> None:
    (checkout / "flows" / "new.yaml").write_text("n: 1\n")
    (checkout / "noise.log").write_text("x")
    (checkout / "build").mkdir()
    (checkout / "build" / "x").write_text("x")
    (checkout / "run.sh").unlink()

    assert set(paths(Worktree(checkout))) == {".gitignore", "flows/a.yaml", "flows/new.yaml"}
    assert set(paths(Worktree(checkout / "flows"))) == {"a.yaml", "new.yaml"}


def test_the_variables_of_a_hook_do_not_matter(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.setenv("GIT_PREFIX", "flows/")

    assert set(paths(Worktree(checkout))) == {".gitignore", "flows/a.yaml", "run.sh"}
    assert set(paths(Worktree(checkout / "flows"))) == {"a.yaml"}


def test_outside_of_git_every_file_counts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.log").write_bytes(b"hi\n")
    (tmp_path / "b").write_bytes(b"")

    assert list(Worktree(tmp_path).entries()) == [
        TreeEntry("a/x.log", "100644", "file", "45b983be36b73c0788dc9cbcb76cbb80fc7bb057"),
        TreeEntry("b", "100644", "file", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
    ]


@pytest.mark.parametrize("in_git", [True, False])
def test_row_03_links_and_special_files_are_refused_and_never_followed(
    checkout: Path, tmp_path: Path, in_git: bool
) -> None:
    place = checkout if in_git else tmp_path / "plain"
    place.mkdir(exist_ok=True)
    (place / "file").write_text("x")
    (place / "passwd").symlink_to("/etc/passwd")
    (place / "etc").symlink_to("/etc")
    (place / "gone").symlink_to("nowhere")
    os.mkfifo(place / "pipe")

    worktree = Worktree(place)
    found = paths(worktree)
    for name in ("passwd", "etc", "gone"):
        assert "symbolic link" in found[name]
    assert found["file"] == ""
    assert "neither a file" in found.get("pipe", "neither a file")  # git does not list it at all
    assert not [path for path in found if path.startswith("etc/")]
    link = next(entry.blob for entry in worktree.entries() if entry.path == "passwd")
    assert dict(worktree.read([link], 1 << 20)) == {link: None}


def test_row_06_a_hostile_name_is_one_refused_entry(checkout: Path) -> None:
    Path(os.fsdecode(os.fsencode(checkout) + b"/latin\xe9")).write_text("x")
    (checkout / "new\nline").write_text("x")

    found = paths(Worktree(checkout))
    assert found["latin\\xe9"] == "has a path that is not UTF-8"
    assert found["new\\x0aline"] == "has a control character in its path"
    assert found["flows/a.yaml"] == ""


def test_a_repository_inside_is_refused(checkout: Path) -> None:
    (checkout / "inner").mkdir()
    git(checkout / "inner", "init", "--quiet")
    (checkout / "inner" / "x").write_text("x")
    git(checkout / "inner", "add", "x")
    git(checkout / "inner", "commit", "--quiet", "-m", "x")

    assert "submodule" in paths(Worktree(checkout))["inner"]


def test_a_file_that_changes_between_listing_and_reading_is_not_taken_for_the_listed_one(
    checkout: Path,
) -> None:
    worktree = Worktree(checkout)
    blobs = {entry.path: entry.blob for entry in worktree.entries()}
    (checkout / "run.sh").write_text("changed\n")
    (checkout / "flows" / "a.yaml").unlink()

    read = dict(worktree.read([*blobs.values(), "1" * 40], 1000))
    assert read[blobs["run.sh"]] is None
    assert read[blobs["flows/a.yaml"]] is None
    assert read["1" * 40] is None
    assert read[blobs[".gitignore"]] == b"*.log\nbuild/\n"
    assert dict(worktree.read([blobs[".gitignore"]], 3)) == {blobs[".gitignore"]: None}


def test_row_05_listing_runs_nothing_that_the_checkout_names(checkout: Path, tmp_path: Path) -> None:
    marker = tmp_path / "PWN"
    git(checkout, "config", "core.fsmonitor", f"touch {marker}")
    git(checkout, "config", "core.sshCommand", f"touch {marker}")
    (checkout / ".gitattributes").write_text("* filter=evil\n")
    git(checkout, "config", "filter.evil.clean", f"touch {marker}")
    git(checkout, "config", "filter.evil.smudge", f"touch {marker}")

    assert paths(Worktree(checkout))
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_said_so(checkout: Path) -> None:
    (checkout / "run.sh").chmod(0)

    assert paths(Worktree(checkout))["run.sh"] == "cannot be read: Permission denied"


def test_a_linked_worktree_is_a_checkout_too(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "topic")
    (tmp_path / "linked" / "x.log").write_text("ignored")

    assert set(paths(Worktree(tmp_path / "linked"))) == {".gitignore", "flows/a.yaml", "run.sh"}


def test_without_git_installed_a_checkout_is_read_as_a_directory(checkout: Path) -> None:
    code = (
        "import sys; from reconciler.git.worktree import Worktree\n"
        "print(*(entry.path for entry in Worktree(sys.argv[1]).entries()))"
    )
    env = {"PATH": "/nonexistent", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code, checkout], env=env, capture_output=True, text=True)

    assert done.stdout.split() == [".gitignore", "flows/a.yaml", "run.sh"], done.stderr
