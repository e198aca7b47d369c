"""Publishing to the ledger branch, and reading it back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.errors import GitError, GitUnavailable, PushRejected, SettingsError
from reconciler.git.access import GitAccess
from reconciler.git.ledger import Identity, LedgerBranch, LedgerEntry, LedgerTip, PublishResult
from reconciler.git.repository import Repository
from reconciler.model.ledger import LedgerCommit
from tests.git.remotes import Remote, git, run_commit


def another(remote: Remote, tmp_path: Path, name: str = "other", **options: object) -> LedgerBranch:
    return LedgerBranch(tmp_path / name, GitAccess(remote.url, "runs"), **options)  # type: ignore[arg-type]


def publish(ledger: LedgerBranch, *commits: LedgerCommit, attempts: int = 8) -> PublishResult:
    return ledger.publish(lambda tip: commits, attempts=attempts)


def test_the_first_push_begins_a_history_of_its_own(remote: Remote, ledger: LedgerBranch) -> None:
    remote.commit({"source": b"x"})

    assert ledger.fetch() == LedgerTip(None)
    result = publish(ledger, run_commit(1), run_commit(2))

    assert result.tip == remote.tip("runs") == result.commits[-1]
    assert remote.git("rev-list", "--reverse", "runs").split() == list(result.commits)
    assert remote.log(form="%an %ae %at|%cn %ce %ct|%s") == [
        f"{me} 170000000{n}|{me} 170000000{n}|train #{n}: Succeeded"
        for me in ["Reconciler reconciler@localhost"]
        for n in (1, 2)
    ]
    assert remote.git("ls-tree", "-r", "--name-only", "runs").split() == [
        "README.md",
        "train/README.md",
        "train/run.json",
    ]
    assert remote.git("show", "runs:train/run.json") == '{"number": 2}'
    remote.git("fsck", "--strict")


def test_later_pushes_keep_what_stands_there(remote: Remote, ledger: LedgerBranch, tmp_path: Path) -> None:
    publish(ledger, run_commit(1, "train"))
    publish(another(remote, tmp_path), run_commit(1, "score"))
    publish(ledger, run_commit(2, "train"))

    assert remote.log() == ["train #1: Succeeded", "score #1: Succeeded", "train #2: Succeeded"]
    assert remote.git("show", "runs:score/run.json") == '{"number": 1}'
    assert remote.git("show", "runs:train/run.json") == '{"number": 2}'
    assert len(remote.git("rev-list", "--merges", "runs")) == 0


def test_nothing_to_say_makes_no_commit_and_no_push(remote: Remote, ledger: LedgerBranch) -> None:
    assert publish(ledger) == PublishResult(None, ())
    assert remote.tip("runs") is None
    tip = publish(ledger, run_commit(1)).tip
    assert publish(ledger) == PublishResult(tip, ())


def test_the_same_runs_on_the_same_tip_give_the_same_commits(tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        remote = Remote(tmp_path / f"{name}.git")
        results.append(publish(another(remote, tmp_path, name + ".clone"), run_commit(1), run_commit(2)))

    assert results[0] == results[1]


def test_a_lost_race_is_built_again_upon_the_new_tip(
    remote: Remote, ledger: LedgerBranch, tmp_path: Path
) -> None:
    rival = another(remote, tmp_path)
    tips: list[str | None] = []

    def build(tip: LedgerTip) -> Sequence[LedgerCommit]:
        tips.append(tip.commit)
        if len(tips) < 3:
            publish(rival, run_commit(len(tips), "rival"))
        return [run_commit(len(tips))]

    ledger._sleep = lambda seconds: None
    result = ledger.publish(build)

    assert len(set(tips)) == 3
    assert remote.log() == ["rival #1: Succeeded", "rival #2: Succeeded", "train #3: Succeeded"]
    assert result.tip == remote.tip("runs")
    assert ledger.tip == LedgerTip(result.tip)


def test_a_race_that_is_always_lost_ends_with_the_results_kept(remote: Remote, tmp_path: Path) -> None:
    rival = another(remote, tmp_path)
    waits: list[float] = []
    ledger = another(remote, tmp_path, "mine", sleep=waits.append, chance=lambda: 1.0)
    count = 0

    def build(tip: LedgerTip) -> Sequence[LedgerCommit]:
        nonlocal count
        count += 1
        publish(rival, run_commit(count, "rival"))
        return [run_commit(1)]

    with pytest.raises(PushRejected, match="moved 4 times"):
        ledger.publish(build, attempts=4)
    assert waits == [0.2, 0.4, 0.8]
    assert "train #1: Succeeded" not in remote.log()


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_push_that_a_rule_forbids_is_not_tried_again(
    remote: Remote, ledger: LedgerBranch, hook: str
) -> None:
    path = remote.directory / "hooks" / hook
    path.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed for runs' >&2\nexit 1\n")
    path.chmod(0o755)
    built = []

    def build(tip: LedgerTip) -> Sequence[LedgerCommit]:
        built.append(tip)
        return [run_commit(1)]

    with pytest.raises(GitError, match=r"Could not push to 'runs'.*hook declined.*GH006") as refused:
        ledger.publish(build)
    assert len(built) == 1
    assert "allow it for this identity" in refused.value.hint


def test_a_branch_that_was_deleted_begins_anew(remote: Remote, ledger: LedgerBranch) -> None:
    publish(ledger, run_commit(1))
    remote.git("update-ref", "-d", "refs/heads/runs")

    assert ledger.fetch() == LedgerTip(None)
    assert list(ledger.messages(None)) == []
    publish(ledger, run_commit(2))
    assert remote.log() == ["train #2: Succeeded"]


def test_a_branch_that_was_rewritten_is_followed(remote: Remote, ledger: LedgerBranch) -> None:
    first = publish(ledger, run_commit(1)).tip
    second = publish(ledger, run_commit(2)).tip
    assert first
    remote.git("update-ref", "refs/heads/runs", first)

    publish(ledger, run_commit(3))
    assert remote.log() == ["train #1: Succeeded", "train #3: Succeeded"]
    assert [entry.message[:8] for entry in ledger.messages(second)] == ["train #3"]


def test_messages_come_oldest_first_from_what_is_known_on(remote: Remote, ledger: LedgerBranch) -> None:
    commits = publish(ledger, *(run_commit(number) for number in range(5))).commits
    whole = [LedgerEntry(commit, run_commit(number).message) for number, commit in enumerate(commits)]

    assert list(ledger.messages(None)) == whole
    assert list(ledger.messages(commits[2])) == whole[3:]
    assert list(ledger.messages(commits[4])) == []
    assert list(ledger.messages("1" * 40)) == whole


def test_records_are_those_that_each_commit_wrote_wherever_the_workflow_stands(
    remote: Remote, ledger: LedgerBranch
) -> None:
    sharded = LedgerCommit("x\n", 3, {"_/a1/deep/run.json": b"deep", "_/a1/deep/README.md": b"x"})
    other = LedgerCommit("by hand\n", 4, {"notes.txt": b"no record"})
    publish(ledger, run_commit(1), run_commit(2, "score"), sharded, other, run_commit(3))

    entries = list(ledger.messages(None))
    found = dict(ledger.records(entries))

    assert [found.get(entry.commit) for entry in entries] == [
        b'{"number": 1}\n',
        b'{"number": 2}\n',
        b"deep",
        None,
        b'{"number": 3}\n',
    ]
    assert list(ledger.records(entries[2:3])) == [(entries[2].commit, b"deep")]
    assert list(ledger.records([])) == []


def test_the_tree_tells_where_workflows_stand_and_what_ran_last(remote: Remote, ledger: LedgerBranch) -> None:
    assert ledger.kinds(LedgerTip(None)) == {}
    assert list(ledger.latest_records(LedgerTip(None))) == []
    sharded = LedgerCommit("x\n", 3, {"_/a1/deep/run.json": b"deep", "_/b2/other/run.json": b"other"})
    publish(ledger, run_commit(1), run_commit(2), sharded)
    tip = ledger.fetch()

    assert ledger.kinds(tip) == {"README.md": "blob", "train": "tree", "_": "tree"}
    asked = ["_", "_/a1/deep", "_/a1/new", "train/run.json", "new"]
    found = ledger.kinds(tip, asked)
    assert [found.get(path) for path in asked] == ["tree", "tree", None, "blob", None]
    assert ledger.file(tip, "README.md") == b"overview\n"
    assert dict(ledger.latest_records(tip)) == {
        "_/a1/deep": b"deep",
        "_/b2/other": b"other",
        "train": b'{"number": 2}\n',
    }


def test_a_thousand_runs_are_one_push(remote: Remote, ledger: LedgerBranch) -> None:
    result = publish(ledger, *(run_commit(n, f"wf-{n % 100}") for n in range(1000)))

    entries = list(ledger.messages(None))
    assert [entry.commit for entry in entries] == list(result.commits)
    assert len(dict(ledger.records(entries))) == 1000
    assert len(dict(ledger.latest_records(ledger.tip))) == 100


def test_a_push_can_be_followed_by_a_reader_in_the_same_repository(
    remote: Remote, ledger: LedgerBranch, repository: Repository
) -> None:
    """Row 21: the source sees nothing of the ledger, so results do not cause passes."""
    tip = remote.commit({"a": b"1"})
    for number in range(3):
        publish(ledger, run_commit(number))
        assert repository.fetch() == tip


HOSTILE = [
    "..",
    "../evil",
    "a/../b",
    ".git/hooks/post-checkout",
    ".GIT/config",
    "./a",
    "/etc/passwd",
    "a//b",
    "",
    "a/",
    "new\nline",
    "tab\t",
    "nul\0",
    "n" * 300,
    "git~1/x",
    "back\\slash",
    "\udcff",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_row_06_no_hostile_path_reaches_the_ledger(remote: Remote, ledger: LedgerBranch, path: str) -> None:
    with pytest.raises(GitError, match="Will not write"):
        publish(ledger, LedgerCommit("x\n", 1, {"good": b"1", path: b"evil"}))
    assert remote.tip("runs") is None


def test_row_06_names_that_need_quoting_are_written_as_they_are(remote: Remote, ledger: LedgerBranch) -> None:
    names = ['quo"te', "spa ce", "-x", "--output=PWN", "é", "#", "M 100644 inline x", "日本"]
    publish(ledger, LedgerCommit("x\n", 1, {f"{name}/run.json": name.encode() for name in names}))

    assert dict(ledger.latest_records(ledger.tip)) == {name: name.encode() for name in names}


MESSAGES = [
    "---\nhidden: Phase: Succeeded\n",
    "data 5\nM 100644 inline evil\ndata 0\n",
    "done\n",
    "x\0y\n",
    "x" * 100_000,
    "no end of line",
    "",
    "\n\n",
    "# not a comment\n",
    "get-mark :1\n",
    "\udcff surrogate\n",
    "é 日本 🎉\n",
    "crlf\r\n\r\n",
]


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_row_18_no_message_breaks_out_of_its_commit(
    remote: Remote, ledger: LedgerBranch, message: str
) -> None:
    result = publish(ledger, LedgerCommit(message, 1, {"a": b"1"}), run_commit(2))

    expected = message.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    assert [entry.message for entry in ledger.messages(None)] == [expected, run_commit(2).message]
    assert len(result.commits) == 2
    assert remote.git("ls-tree", "-r", "--name-only", result.commits[0]) == "a"
    remote.git("fsck", "--strict")


def test_row_21_a_hundred_idle_passes_make_no_commit(remote: Remote, ledger: LedgerBranch) -> None:
    tip = publish(ledger, run_commit(1)).tip

    assert {publish(ledger) for _ in range(100)} == {PublishResult(tip, ())}
    assert remote.log() == ["train #1: Succeeded"]


def test_row_22_a_push_that_was_made_but_not_noticed_is_no_second_commit(
    remote: Remote, ledger: LedgerBranch, tmp_path: Path
) -> None:
    """The client dies after the server took the push; the next one starts from what it knew before."""
    known = publish(ledger, run_commit(1)).tip
    assert known
    before = tmp_path / "before.git"
    shutil.copytree(tmp_path / "state" / "ledger.git", before)
    publish(ledger, run_commit(2))

    revived = LedgerBranch(before, GitAccess(remote.url, "runs"))
    present: list[str] = []

    def build(tip: LedgerTip) -> Sequence[LedgerCommit]:
        present[:] = [entry.message for entry in revived.messages(known)]
        return [run for run in (run_commit(2), run_commit(3)) if run.message not in present]

    result = revived.publish(build)
    assert remote.log() == ["train #1: Succeeded", "train #2: Succeeded", "train #3: Succeeded"]
    assert len(result.commits) == 1


def test_row_22_repeating_a_push_on_the_same_tip_makes_the_same_commit(
    remote: Remote, ledger: LedgerBranch
) -> None:
    first = publish(ledger, run_commit(1)).tip
    second = publish(ledger, run_commit(2)).tip
    assert first
    remote.git("update-ref", "refs/heads/runs", first)

    assert publish(ledger, run_commit(2)).tip == second


@pytest.mark.parametrize("what", ["objects", "refs", "HEAD"])
def test_row_29_a_damaged_ledger_clone_is_made_anew_while_publishing(
    remote: Remote, ledger: LedgerBranch, tmp_path: Path, what: str
) -> None:
    publish(ledger, run_commit(1))
    place = tmp_path / "state" / "ledger.git" / what
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.write_text("")

    publish(ledger, run_commit(2))
    assert remote.log() == ["train #1: Succeeded", "train #2: Succeeded"]


def test_row_29_objects_that_were_garbled_are_noticed_and_fetched_again(
    remote: Remote, ledger: LedgerBranch, tmp_path: Path
) -> None:
    publish(ledger, *(run_commit(number) for number in range(3)))
    for path in (tmp_path / "state" / "ledger.git" / "objects").glob("??/*"):
        path.chmod(0o600)
        path.write_bytes(b"")

    with pytest.raises(GitUnavailable, match="clone is damaged"):
        list(ledger.messages(None))
    ledger.fetch()
    assert len(dict(ledger.records(ledger.messages(None)))) == 3


@pytest.mark.parametrize("name", ["a <b>", "", " ", "a\nb", "a\0b"])
def test_row_31_an_identity_cannot_hold_another(name: str) -> None:
    with pytest.raises(SettingsError, match="identity"):
        Identity(name, "x@example.com")
    with pytest.raises(SettingsError, match="identity"):
        Identity("x", name)


def test_row_31_commits_are_signed_by_the_key_in_the_settings(remote: Remote, tmp_path: Path) -> None:
    key = tmp_path / "signing"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text("reconciler@localhost " + key.with_suffix(".pub").read_text())
    access = GitAccess(remote.url, "runs", signing_key=key)
    ledger = LedgerBranch(tmp_path / "ledger", access, Identity("Bot é", "bot@example.com"))

    publish(ledger, run_commit(1))
    result = publish(ledger, run_commit(2), run_commit(3))

    assert remote.log(form="%s|%an|%ae|%ct") == [
        f"train #{n}: Succeeded|Bot é|bot@example.com|{1700000000 + n}" for n in (1, 2, 3)
    ]
    assert [entry.message for entry in ledger.messages(None)] == [run_commit(n).message for n in (1, 2, 3)]
    reader = Repository(tmp_path / "reader", GitAccess(remote.url, "runs"))
    reader.fetch()
    for commit in remote.git("rev-list", "runs").split():
        reader.verify(commit, allowed)
    assert remote.git("show", "runs:train/run.json") == '{"number": 3}'
    first = remote.git("rev-list", "--max-parents=0", "runs")
    remote.git("update-ref", "refs/heads/runs", first)
    assert publish(ledger, run_commit(2), run_commit(3)) == result


def test_row_31_a_key_that_cannot_sign_is_said_so(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a key")
    access = GitAccess(remote.url, "runs", signing_key=tmp_path / "key")

    with pytest.raises(GitError, match=r"Could not sign a commit with '.*/key'"):
        publish(LedgerBranch(tmp_path / "ledger", access), run_commit(1))
    assert remote.tip("runs") is None


def test_the_clone_holds_one_branch_and_little_else(
    remote: Remote, ledger: LedgerBranch, tmp_path: Path
) -> None:
    remote.commit({"big": b"x" * 1_000_000})
    publish(ledger, run_commit(1))

    clone = tmp_path / "state" / "ledger.git"
    assert git(clone, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/runs", "refs/outgoing"]
    assert {path.name for path in clone.iterdir()} <= {"HEAD", "config", "objects", "refs", "packed-refs"}
