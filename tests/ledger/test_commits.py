"""What a push consists of."""

from __future__ import annotations

import json

from reconciler.ledger import message
from reconciler.ledger.commits import Tip, commits
from reconciler.ledger.moment import read
from reconciler.ledger.restore import from_record, loads
from tests.ledger import sample


def test_one_commit_for_each_run_with_its_record_and_page_and_the_overview_with_the_last():
    records = sample.runs(["churn", "train"], 5)
    made = commits(records, Tip())
    assert [sorted(commit.files) for commit in made[:-1]] == [
        [f"{record['workflow']}/README.md", f"{record['workflow']}/run.json"] for record in records[:-1]
    ]
    assert sorted(made[-1].files) == [
        "README.md",
        *sorted(f"{records[-1]['workflow']}/{f}" for f in ("README.md", "run.json")),
    ]
    for record, commit in zip(records, made, strict=True):
        assert commit.message == message.render(record)
        assert commit.when == int(read(record["finishedAt"]).timestamp())
        assert loads(commit.files[f"{record['workflow']}/run.json"]) == record


def test_no_run_makes_no_commit():
    assert commits([], Tip()) == []


def test_the_same_runs_on_the_same_tip_give_the_same_commits():
    assert commits(sample.runs(["train"], 5), Tip()) == commits(sample.runs(["train"], 5), Tip())


def test_the_overview_holds_what_stood_at_the_tip_too():
    records = sample.runs(["churn", "train"], 12)
    older, newer = records[:6], records[6:]
    last = commits(newer, Tip().after(older))[-1]
    assert last.files["README.md"] == commits(records, Tip())[-1].files["README.md"]
    assert b"[churn](<churn/README.md>)" in last.files["README.md"]
    assert b"[train](<train/README.md>)" in last.files["README.md"]


def test_new_workflows_of_one_push_share_the_room_at_the_top():
    taken = {f"wf-{number}" for number in range(899)}
    records = sample.runs(["churn", "train"], 6)
    tip = Tip(taken).after(records)
    assert sorted(place.count("/") for place in tip.places.values()) == [0, 2]


def test_a_workflow_stays_where_it_stands_and_its_page_says_so():
    record = sample.runs(["train"], 1)[0]
    commit = commits([record], Tip(places={"train": "_/11/train"}), branch="history")[-1]
    assert sorted(commit.files) == ["README.md", "_/11/train/README.md", "_/11/train/run.json"]
    assert b"git log history -- _/11/train\n" in commit.files["_/11/train/README.md"]
    assert b"[train](<_/11/train/README.md>)" in commit.files["README.md"]


def test_the_overview_goes_where_there_is_room_for_it_or_nowhere():
    record = sample.runs(["train"], 1)[0]
    pages = ["train/README.md", "train/run.json"]
    assert sorted(commits([record], Tip(overview="RUNS.md"))[-1].files) == ["RUNS.md", *pages]
    assert sorted(commits([record], Tip(overview=None))[-1].files) == pages


def test_every_commit_holds_its_own_run_for_a_rebuild(tmp_path):
    records = sample.runs(["churn", "train"], 12)
    directory = sample.new_ledger(tmp_path, commits(records, Tip()))
    revisions = sample.git(directory, "rev-list", "--reverse", sample.BRANCH).split()
    for record, revision in zip(records, revisions, strict=True):
        content = sample.git(directory, "show", f"{revision}:{record['workflow']}/run.json")
        assert from_record(json.loads(content)) == from_record(record)
