"""Reading what people pushed: entries, blobs, revisions, rewritten history."""

from __future__ import annotations

import subprocess
from itertools import islice
from pathlib import Path

import pytest

from reconciler.errors import GitError, SettingsError
from reconciler.git.access import GitAccess
from reconciler.git.repository import Repository
from reconciler.git.tree import TreeEntry
from tests.git.remotes import Remote, git

LINK, SUBMODULE = "120000", "160000"


def refusals(repository: Repository) -> dict[str, str]:
    tip = repository.fetch()
    assert tip is not None
    return {entry.path: entry.refused for entry in repository.entries(tip)}


def contents(repository: Repository) -> dict[str, bytes | None]:
    tip = repository.fetch()
    assert tip is not None
    entries = [entry for entry in repository.entries(tip) if not entry.refused]
    blobs = dict(repository.read((entry.blob for entry in entries), 1 << 20))
    return {entry.path: blobs[entry.blob] for entry in entries}


def test_a_fetch_brings_the_tip_and_its_files(remote: Remote, repository: Repository) -> None:
    commit = remote.commit({"flows": {b"a.yaml": b"a: 1\n"}, "run.sh": ("100755", b"true\n")})

    assert repository.tip() is None
    assert repository.fetch() == commit == repository.tip()
    assert list(repository.entries(commit)) == [
        TreeEntry("flows/a.yaml", "100644", "file", remote.git("rev-parse", "main:flows/a.yaml")),
        TreeEntry("run.sh", "100755", "executable", remote.git("rev-parse", "main:run.sh")),
    ]
    assert contents(repository) == {"flows/a.yaml": b"a: 1\n", "run.sh": b"true\n"}


def test_an_empty_remote_and_a_missing_branch_have_no_tip(remote: Remote, repository: Repository) -> None:
    assert repository.fetch() is None
    remote.commit({"a": b"a"}, branch="other")
    assert repository.fetch() is None


def test_each_blob_is_read_once_in_any_order_and_too_large_ones_are_not(
    remote: Remote, repository: Repository
) -> None:
    remote.commit({"small": b"x" * 10, "same": b"x" * 10, "large": b"y" * 11, "empty": b""})
    tip = repository.fetch()
    assert tip
    blobs = {entry.path: entry.blob for entry in repository.entries(tip)}
    unknown, tree = "1" * 40, remote.git("rev-parse", "main^{tree}")

    answers = list(repository.read([*blobs.values(), unknown, tree], 10))

    assert sorted(answers, key=str) == sorted(
        [
            (blobs["small"], b"x" * 10),
            (blobs["large"], None),
            (blobs["empty"], b""),
            (unknown, None),
            (tree, None),
        ],
        key=str,
    )


def test_many_blobs_are_read_without_waiting_for_one_another(remote: Remote, repository: Repository) -> None:
    many = b"".join(b"blob\nmark :%d\ndata 100\n%s\n" % (n, b"%0100d" % n) for n in range(1, 3001))
    commit = b"commit refs/heads/main\ncommitter a <a@b> 1 +0000\ndata 0\n" + b"".join(
        b"M 100644 :%d d%d/f%d\n" % (n, n % 7, n) for n in range(1, 3001)
    )
    remote.git("fast-import", "--quiet", stdin=many + commit)

    found = contents(repository)

    assert len(found) == 3000
    assert found["d1/f1"] == b"%0100d" % 1


def test_a_revision_is_found_by_id_beginning_and_branch(remote: Remote, repository: Repository) -> None:
    first = remote.commit({"a": b"1"})
    second = remote.commit({"a": b"2"})
    other = remote.commit({"a": b"3"}, branch="topic/x")
    repository.fetch()

    assert repository.resolve("main") == second
    assert repository.resolve("main~1") == first
    assert repository.resolve(first) == first
    assert repository.resolve(first[:9]) == first
    assert repository.resolve("topic/x") == other
    assert repository.tip() == second
    assert [entry.path for entry in repository.entries(other)] == ["a"]
    with pytest.raises(GitError, match="No commit and no branch 'nothing'"):
        repository.resolve("nothing")


@pytest.mark.parametrize(
    "name", ["-x", "--upload-pack=touch PWN", "--output=PWN", "a..b", "a b", "@{1}", "", "a:b", "x\n", ":/x"]
)
def test_row_01_no_name_of_a_revision_becomes_an_option(
    remote: Remote, repository: Repository, name: str
) -> None:
    remote.commit({"a": b"1"})
    repository.fetch()

    with pytest.raises(SettingsError, match="not a revision"):
        repository.resolve(name)


def test_row_01_paths_that_look_like_options_are_data(
    remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    marker = tmp_path / "PWN"
    names = {f"--output={marker.name}": b"1", "--upload-pack=touch PWN": b"2", "-x": {b"--help": b"3"}}
    remote.commit(names)
    tip = repository.fetch()
    assert tip

    assert set(contents(repository)) == {"--output=PWN", "--upload-pack=touch PWN", "-x/--help"}
    assert not list(tmp_path.rglob("PWN"))


def test_row_03_links_are_refused_one_by_one_and_never_followed(
    remote: Remote, repository: Repository
) -> None:
    remote.commit(
        {
            "passwd.yaml": (LINK, b"/etc/passwd"),
            "folder": (LINK, b"/etc"),
            "inside": {b"up.yaml": (LINK, b"../good.yaml")},
            "good.yaml": b"good",
        }
    )

    assert {path: bool(why) for path, why in refusals(repository).items()} == {
        "passwd.yaml": True,
        "folder": True,
        "inside/up.yaml": True,
        "good.yaml": False,
    }
    assert "symbolic link" in refusals(repository)["passwd.yaml"]
    assert contents(repository) == {"good.yaml": b"good"}


def test_row_04_a_submodule_is_refused_and_not_fetched(remote: Remote, repository: Repository) -> None:
    modules = b'[submodule "x"]\n\tpath = sub\n\turl = ext::touch PWN\n'
    remote.commit({".gitmodules": modules, "sub": (SUBMODULE, "1" * 40), "good": b"1"})

    found = refusals(repository)

    assert "submodule" in found["sub"]
    assert found["good"] == ""


def test_row_05_no_hook_filter_or_attribute_runs(
    remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    attributes = b"* filter=evil diff=evil text eol=crlf ident export-subst\n"
    remote.commit(
        {".gitattributes": attributes, "a": b"one\n$Id$\n", ".lfsconfig": b"[lfs]\n\turl = http://x\n"}
    )

    assert contents(repository)["a"] == b"one\n$Id$\n"
    assert not [path for path in (tmp_path / "state").rglob("*") if path.name == "hooks"]


HOSTILE = {
    b"..": "component '..'",
    b".": "component '.'",
    b".git": "inside a .git directory",
    b".GIT": "inside a .git directory",
    b"git~1": "inside a .git directory",
    ".g\u200cit".encode(): "control character",
    b"new\nline": "control character",
    b"esc\x1b[31m": "control character",
    "\u202e".encode(): "control character",
    b"latin\xe9": "not UTF-8",
    "e\u0301".encode(): "normal form",
    b"back\\slash": "backslash",
    b"n" * 300: "longer than 255",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_row_06_a_hostile_path_is_one_refused_entry_among_good_ones(
    remote: Remote, repository: Repository, name: bytes
) -> None:
    inner = remote.tree([(name, b"evil")])
    remote.commit_tree(remote.tree([(b"dir", ("40000", inner)), (b"good", b"1"), (b'quote"d', b"2")]))

    found = refusals(repository)

    (path,) = found.keys() - {"good", 'quote"d'}
    assert HOSTILE[name] in found[path]
    assert path.isprintable()
    assert found["good"] == found['quote"d'] == ""


def test_row_06_a_name_that_stands_twice_is_refused(remote: Remote, repository: Repository) -> None:
    remote.commit_tree(remote.tree([(b"a", b"1"), (b"a", b"2"), (b"b", b"3")]))
    tip = repository.fetch()
    assert tip

    assert [entry.refused for entry in repository.entries(tip)] == ["", "stands twice in its directory", ""]


def test_row_11_a_huge_blob_stays_at_the_remote_and_others_are_read(remote: Remote, tmp_path: Path) -> None:
    huge = bytes(range(256)) * 4 * 1024 * 8
    remote.commit({"huge.bin": huge, "good": b"1"})
    clone = tmp_path / "source.git"
    repository = Repository(clone, GitAccess(remote.url, "main"), blob_limit=1 << 16)

    assert contents(repository) == {"huge.bin": None, "good": b"1"}
    assert sum(path.stat().st_size for path in clone.rglob("*") if path.is_file()) < 100_000
    assert contents(repository) == {"huge.bin": None, "good": b"1"}


def test_row_11_a_huge_blob_of_a_server_that_cannot_filter_is_not_kept_in_memory(
    remote: Remote, repository: Repository
) -> None:
    remote.git("config", "uploadpack.allowFilter", "false")
    remote.commit({"huge.bin": b"x" * (2 << 20), "good": b"1"})

    assert contents(repository) == {"huge.bin": None, "good": b"1"}


def test_row_11_a_tree_that_repeats_itself_without_end_is_listed_as_far_as_one_cares(
    remote: Remote, repository: Repository
) -> None:
    """Eighty objects that stand for 8**20 files: whoever lists or compares decides where to stop."""
    first = remote.commit({"good": b"1"})
    tree = remote.tree([(b"file", b"x")])
    for _ in range(20):
        tree = remote.tree([(b"%d" % n, ("40000", tree)) for n in range(8)])
    remote.commit_tree(remote.tree([(b"bomb", ("40000", tree)), (b"good", b"1")]))
    tip = repository.fetch()
    assert tip

    assert len(list(islice(repository.entries(tip), 1000))) == 1000
    assert repository.changes(first, tip, 1000) is None


def test_row_11_other_branches_and_tags_are_not_fetched(
    remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    remote.commit({"a": b"1"})
    remote.commit({"secret": b"unrelated"}, branch="other", parent=None)
    remote.git("tag", "v1", "main")
    repository.fetch()

    refs = git(tmp_path / "state" / "source.git", "for-each-ref", "--format=%(refname)")
    assert refs == "refs/heads/main"


def test_row_23_a_rewritten_branch_is_followed_to_its_new_tip(remote: Remote, repository: Repository) -> None:
    first = remote.commit({"a": b"1"})
    second = remote.commit({"a": b"2"})
    assert repository.fetch() == second

    remote.git("update-ref", "refs/heads/main", first)
    assert repository.fetch() == first
    assert contents(repository) == {"a": b"1"}

    unrelated = remote.commit({"b": b"3"}, parent=None)
    assert repository.fetch() == unrelated
    assert contents(repository) == {"b": b"3"}


def test_row_23_a_deleted_branch_leaves_the_last_good_tip(remote: Remote, repository: Repository) -> None:
    commit = remote.commit({"a": b"1"})
    repository.fetch()
    remote.git("update-ref", "-d", "refs/heads/main")

    assert repository.fetch() is None
    assert repository.tip() == commit
    assert [entry.path for entry in repository.entries(commit)] == ["a"]


def test_row_23_a_revision_that_was_rewritten_away_is_said_to_be_gone(
    remote: Remote, repository: Repository
) -> None:
    remote.commit({"a": b"1"})
    repository.fetch()

    with pytest.raises(GitError, match="any more"):
        list(repository.entries("1" * 40))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in ("ada", "eve"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
    public = (tmp_path / "ada.pub").read_text()
    (tmp_path / "allowed").write_text(f"ada@example.com {public}")
    return tmp_path


def signed(remote: Remote, key: Path) -> str:
    tree = remote.tree([(b"a", b"1")])
    config = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
    commit = remote.git(*config, "commit-tree", "-S", tree, "-m", "signed")
    remote.git("update-ref", "refs/heads/main", commit)
    return commit


def test_row_31_only_a_commit_signed_by_an_allowed_key_is_verified(
    remote: Remote, repository: Repository, keys: Path
) -> None:
    good = signed(remote, keys / "ada")
    repository.fetch()
    repository.verify(good, keys / "allowed")

    foreign = signed(remote, keys / "eve")
    repository.fetch()
    with pytest.raises(GitError, match="not signed by an allowed key"):
        repository.verify(foreign, keys / "allowed")

    unsigned = remote.commit({"a": b"2"})
    repository.fetch()
    with pytest.raises(GitError, match="not signed by an allowed key"):
        repository.verify(unsigned, keys / "allowed")


def test_row_31_the_name_of_an_author_proves_nothing(
    remote: Remote, repository: Repository, keys: Path
) -> None:
    forged = remote.git(
        "commit-tree",
        remote.tree([(b"a", b"1")]),
        "-m",
        "I am Ada\n\nSigned-off-by: ada <ada@example.com>",
        env={"GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_EMAIL": "ada@example.com"},
    )
    remote.git("update-ref", "refs/heads/main", forged)
    repository.fetch()

    with pytest.raises(GitError, match="not signed"):
        repository.verify(forged, keys / "allowed")


def test_what_changed_between_two_revisions_is_what_their_lists_tell(
    remote: Remote, repository: Repository
) -> None:
    first = remote.commit({"a": b"1", "b": b"1", "c": b"1", "d": b"1", "e": b"1"})
    second = remote.commit(
        {"a": b"2", "b": (LINK, b"a"), "c": ("100755", b"1"), "d": b"1", "new": b"1", "f": {b"x": b"1"}}
    )
    third = remote.commit({"a": {b"in": {b"deep": b"1"}}, "f": b"1"})
    repository.fetch()
    before, after = (set(repository.entries(revision)) for revision in (first, second))
    changes = repository.changes(first, second, 10)
    assert changes is not None
    assert {each for each in changes if not each.is_gone} == after - before
    assert [each.path for each in changes if each.is_gone] == ["e"]
    assert [each.path for each in changes if each.refused] == ["b", "e"]
    assert repository.changes(second, second, 0) == []
    assert repository.changes(first, second, 4) is None
    assert repository.changes("1" * 40, second, 10) is None
    further = repository.changes(second, third, 20)
    assert further is not None
    assert {each for each in further if not each.is_gone} == set(repository.entries(third))
    assert {each.path for each in further if each.is_gone} == {"a", "b", "c", "d", "new", "f/x"}
