"""The private clone: damaged, tampered with, in the way; whatever happened to it, the next use repairs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import GitError, GitUnavailable
from reconciler.git.access import GitAccess
from reconciler.git.clone import Clone
from reconciler.git.repository import Repository
from tests.git.remotes import Remote, git


@pytest.fixture
def clone(repository: Repository, remote: Remote, tmp_path: Path) -> Path:
    """A clone of two fetches; a filtered fetch keeps what it brought as a pack, however small."""
    files = b"".join(b"M 100644 inline f%03d\ndata 3\n%03d\n" % (n, n) for n in range(150))
    head = b"commit refs/heads/main\ncommitter a <a@b> 1 +0000\ndata 0\nM 100644 inline flows/a\ndata 1\n"
    remote.git("fast-import", "--quiet", stdin=head + b"1\n" + files)
    repository.fetch()
    remote.git("fast-import", "--quiet", stdin=head.replace(b"M", b"from refs/heads/main^0\nM") + b"2\n")
    repository.fetch()
    return tmp_path / "state" / "source.git"


def objects(clone: Path, pattern: str) -> list[Path]:
    found = sorted((clone / "objects").glob(pattern))
    assert found
    for path in found:
        path.chmod(0o600)
    return found


def empty(clone: Path, pattern: str) -> None:
    for path in objects(clone, pattern):
        path.write_bytes(b"")


def cut(clone: Path, pattern: str) -> None:
    for path in objects(clone, pattern):
        os.truncate(path, path.stat().st_size // 2)


def remove(clone: Path, pattern: str) -> None:
    for path in objects(clone, pattern):
        path.unlink()


def flip(clone: Path, pattern: str) -> None:
    for path in objects(clone, pattern):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


PACK, INDEX = "pack/*.pack", "pack/*.idx"

DAMAGE: dict[str, Callable[[Path], object]] = {
    "nothing is left": shutil.rmtree,
    "an empty directory": lambda clone: (shutil.rmtree(clone), clone.mkdir()),
    "no objects": lambda clone: shutil.rmtree(clone / "objects"),
    "no refs": lambda clone: shutil.rmtree(clone / "refs"),
    "no HEAD": lambda clone: (clone / "HEAD").unlink(),
    "an empty HEAD": lambda clone: (clone / "HEAD").write_text(""),
    "an empty config": lambda clone: (clone / "config").write_text(""),
    "an empty ref": lambda clone: (clone / "refs/heads/main").write_text(""),
    "a garbled ref": lambda clone: (clone / "refs/heads/main").write_text("garbage\n"),
    "a ref to nothing": lambda clone: (clone / "refs/heads/main").write_text("1" * 40 + "\n"),
    "a lock on the ref": lambda clone: (clone / "refs/heads/main.lock").touch(),
    "a lock on the packed refs": lambda clone: (clone / "packed-refs.lock").touch(),
    "empty packs": lambda clone: empty(clone, PACK),
    "cut packs": lambda clone: cut(clone, PACK),
    "lost packs": lambda clone: remove(clone, PACK),
    "garbled packs": lambda clone: flip(clone, PACK),
    "empty indexes": lambda clone: empty(clone, INDEX),
    "lost packs and indexes": lambda clone: (remove(clone, PACK), remove(clone, INDEX)),
}


def everything(repository: Repository) -> dict[str, bytes | None]:
    tip = repository.fetch()
    assert tip is not None
    entries = list(repository.entries(tip))
    blobs = dict(repository.read((entry.blob for entry in entries), 1000))
    return {entry.path: blobs[entry.blob] for entry in entries}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("moved", [False, True], ids=["same tip", "new tip"])
def test_a_damaged_clone_is_made_anew_within_the_same_pass(
    remote: Remote, repository: Repository, clone: Path, damage: str, moved: bool
) -> None:
    expected = everything(repository)
    DAMAGE[damage](clone)
    if moved:
        remote.commit({"flows": {b"a": b"3"}})
        expected = {"flows/a": b"3"}

    assert everything(repository) == expected


def test_a_clone_that_is_damaged_between_listing_and_reading_is_read_on(
    remote: Remote, repository: Repository, clone: Path
) -> None:
    tip = repository.fetch()
    assert tip
    blobs = [entry.blob for entry in repository.entries(tip)]
    cut(clone, PACK)

    answers = dict(repository.read(blobs, 1000))

    assert set(answers) == set(blobs)
    assert None not in answers.values()


def test_a_clone_that_was_killed_in_the_making_is_made_again(repository: Repository, clone: Path) -> None:
    unfinished = clone.rename(clone.parent / "source.git.new")
    (unfinished / "config").unlink()

    assert everything(repository)
    assert not unfinished.exists()


def test_a_fetch_that_was_killed_leaves_nothing_that_hurts(repository: Repository, clone: Path) -> None:
    (clone / "objects" / "pack" / "tmp_pack_x").write_bytes(b"half")

    assert everything(repository)


POISON: dict[str, Callable[[Path, Path], object]] = {
    "core.sshCommand": lambda clone, marker: git(clone, "config", "core.sshCommand", f"touch {marker}"),
    "core.fsmonitor": lambda clone, marker: git(clone, "config", "core.fsmonitor", f"touch {marker}"),
    "core.gitProxy": lambda clone, marker: git(clone, "config", "core.gitProxy", f"touch {marker}"),
    "an upload-pack of its own": lambda clone, marker: git(
        clone, "config", "remote.origin.uploadpack", f"touch {marker}; git-upload-pack"
    ),
    "another URL": lambda clone, marker: git(clone, "config", "remote.origin.url", f"ext::touch {marker}"),
    "insteadOf": lambda clone, marker: git(clone, "config", f"url.ext::touch {marker}.insteadOf", "/"),
    "an included file": lambda clone, marker: git(clone, "config", "include.path", "/etc/hostname"),
    "a hook": lambda clone, marker: script(clone / "hooks" / "reference-transaction", marker),
    "a hook elsewhere": lambda clone, marker: (
        script(clone / "objects" / "hooks" / "reference-transaction", marker),
        git(clone, "config", "core.hooksPath", str(clone / "objects" / "hooks")),
    ),
    "alternates": lambda clone, marker: (clone / "objects/info/alternates").write_text("/tmp\n"),
    "commondir": lambda clone, marker: (clone / "commondir").write_text("/tmp\n"),
    "grafts": lambda clone, marker: (
        (clone / "info").mkdir(),
        (clone / "info/grafts").write_text((clone / "refs/heads/main").read_text()),
    ),
}


def script(path: Path, marker: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\ntouch {marker}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("poison", POISON)
def test_row_29_what_is_planted_in_the_clone_has_no_effect_and_is_gone(
    remote: Remote, repository: Repository, clone: Path, tmp_path: Path, poison: str
) -> None:
    marker = tmp_path / "PWN"
    sound = (clone / "config").read_text()
    POISON[poison](clone, marker)
    remote.commit({"flows": {b"a": b"3"}})

    assert everything(repository) == {"flows/a": b"3"}

    assert not marker.exists()
    assert (clone / "config").read_text() == sound
    assert {path.name for path in clone.iterdir()} <= {"HEAD", "config", "objects", "refs", "packed-refs"}
    assert not (clone / "objects/info/alternates").exists()


def test_row_29_a_replaced_object_is_not_believed(
    remote: Remote, repository: Repository, clone: Path
) -> None:
    tip = repository.tip()
    assert tip
    evil = remote.object("blob", b"evil")
    blob = remote.git("rev-parse", "main:flows/a")
    git(clone, "hash-object", "-w", "--stdin", stdin=b"evil")
    (clone / "refs/replace").mkdir()
    (clone / "refs/replace" / blob).write_text(evil + "\n")

    assert everything(repository)["flows/a"] == b"2"


def test_row_29_variables_of_the_caller_do_not_reach_git(
    remote: Remote, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "PWN"
    script(tmp_path / "bin" / "evil", marker)
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "ext::{tmp_path}/bin/evil"]\n\tinsteadOf = /\n[core]\n\tfsmonitor = evil\n')
    for name, value in {
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_PARAMETERS": f"'core.sshCommand={tmp_path}/bin/evil'",
        "GIT_SSH_COMMAND": f"{tmp_path}/bin/evil",
        "GIT_EXEC_PATH": str(tmp_path / "bin"),
        "GIT_TRACE": str(tmp_path / "trace"),
        "LANG": "de_DE.UTF-8",
        "LANGUAGE": "de",
    }.items():
        monkeypatch.setenv(name, value)
    remote_commit(remote)

    assert repository.fetch()
    assert not marker.exists()
    assert not (tmp_path / "trace").exists()


def remote_commit(remote: Remote) -> None:
    """Git of the test's own is called with an environment of its own, so the planted one does not matter."""
    remote.commit({"flows": {b"a": b"1"}})


def test_another_url_or_branch_means_another_clone(remote: Remote, tmp_path: Path) -> None:
    remote.commit({"a": b"1"})
    topic = remote.commit({"a": b"2"}, branch="topic")
    other = Remote(tmp_path / "other.git")
    theirs = other.commit({"b": b"3"})
    place = tmp_path / "clone"

    assert Clone(place, GitAccess(remote.url, "main")).fetch() == remote.tip()
    assert Clone(place, GitAccess(remote.url, "topic")).fetch() == topic
    assert Clone(place, GitAccess(other.url, "main")).fetch() == theirs
    assert git(place, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_directory_of_somebody_else_is_not_deleted(remote: Remote, tmp_path: Path) -> None:
    remote.commit({"a": b"1"})
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")

    with pytest.raises(GitError, match="holds something else"):
        Clone(home, GitAccess(remote.url, "main")).fetch()
    with pytest.raises(GitError, match="is the remote repository itself"):
        Clone(remote.directory, GitAccess(remote.url, "main")).fetch()
    assert (home / "thesis.txt").exists()
    assert remote.tip()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_said_so(remote: Remote, tmp_path: Path) -> None:
    remote.commit({"a": b"1"})
    (tmp_path / "closed").mkdir(mode=0o500)

    with pytest.raises(GitUnavailable, match="Permission denied"):
        Clone(tmp_path / "closed" / "clone", GitAccess(remote.url, "main")).fetch()


def test_a_place_below_a_file_is_said_so(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(GitUnavailable, match="Cannot write the clone"):
        Clone(tmp_path / "file" / "clone", GitAccess(remote.url, "main")).fetch()


@pytest.mark.parametrize("blob_limit", [0, 1000])
def test_many_fetches_do_not_leave_many_packs(remote: Remote, tmp_path: Path, blob_limit: int) -> None:
    repository = Repository(tmp_path / "clone", GitAccess(remote.url, "main"), blob_limit=blob_limit)
    for number in range(10, 70):
        start = b"commit refs/heads/main\ncommitter a <a@b> 1 +0000\ndata 0\nM 100644 inline "
        content = b"huge\ndata 2000\n" + b"x" * 2000 if number == 10 else b"a\ndata 2\n%d" % number
        parent = b"from refs/heads/main^0\nM" if number > 10 else b"M"
        remote.git("fast-import", "--quiet", stdin=start.replace(b"M", parent) + content + b"\n")
        repository.fetch()

    assert everything(repository) == {"a": b"69", "huge": None}
    assert len(list((tmp_path / "clone").glob("objects/pack/*.pack"))) < 20


def test_a_fetch_that_was_begun_brings_what_the_remote_has(remote: Remote, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone.git", GitAccess(remote.url, "main"))
    remote_commit(remote)
    clone.begin()  # there is no clone yet
    first = clone.fetch()
    remote_commit(remote)
    clone.begin()
    clone.begin()
    second = clone.fetch()
    assert second != first
    assert second == clone.tip() == remote.tip()
    assert clone.fetch() == second


def test_a_fetch_that_was_begun_and_fails_is_told_by_the_one_that_waits(
    remote: Remote, tmp_path: Path
) -> None:
    clone = Clone(tmp_path / "clone.git", GitAccess(remote.url, "main"))
    remote_commit(remote)
    tip = clone.fetch()
    away = remote.directory.rename(tmp_path / "away")
    clone.begin()
    with pytest.raises(GitError, match="Could not fetch 'main'"):
        clone.fetch()
    away.rename(remote.directory)
    assert clone.fetch() == tip


def test_a_fetch_that_was_begun_can_be_given_up(remote: Remote, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone.git", GitAccess(remote.url, "main"))
    remote_commit(remote)
    clone.fetch()
    remote_commit(remote)
    clone.begin()
    clone.give_up()
    assert clone.fetch() == remote.tip()
