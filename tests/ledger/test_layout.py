"""Places: at the top while there is room, then by hash, and for ever."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.ledger.layout import ROOT_LIMIT, is_place, occupied, place, questions


def placed(names):
    taken, where = set(), {}
    for name in names:
        where[name] = place(name, taken, where)
        taken.add(where[name].partition("/")[0])
    return where


def test_the_first_workflows_stand_at_the_top():
    where = placed(f"wf-{number}" for number in range(ROOT_LIMIT))
    assert all(where[name] == name for name in where)


def test_later_ones_stand_under_two_digits_of_their_hash():
    taken = {f"wf-{number}" for number in range(ROOT_LIMIT)}
    assert place("train", taken, {}) == "_/11/train"


def test_a_name_in_the_root_that_is_not_a_place_is_left_to_whom_it_belongs():
    assert place("train", {"train"}, {}) == "_/11/train"


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"_": "tree", "_/11": "tree"}, "_/11/train"),
        ({"_": "blob"}, "__/11/train"),
        ({"_": "commit"}, "__/11/train"),
        ({"_": "tree", "_/11": "blob"}, "__/11/train"),
        ({"_": "tree", "_/11": "tree", "_/11/train": "tree"}, "__/11/train"),
        ({"_": "blob", "__": "tree", "__/11": "tree", "__/11/train": "blob"}, "___/11/train"),
    ],
)
def test_what_stands_in_the_shards_already_is_no_place_either(kinds, expected):
    assert set(kinds) - {"_", "__"} <= set(questions(["train"], kinds))
    assert place("train", {"train", *kinds}, {}, occupied(kinds)) == expected


def test_a_workflow_keeps_its_place():
    assert place("train", set(), {"train": "_/11/train"}) == "_/11/train"
    assert place("train", {f"wf-{number}" for number in range(2000)}, {"train": "train"}) == "train"


def test_no_directory_passes_a_thousand_entries_with_100_000_workflows():
    where = placed(f"team{number % 97}-wf-{number}" for number in range(100_000))
    entries = Counter(path.rpartition("/")[0] for path in where.values())
    root = entries.pop("") + len({path.partition("/")[0] for path in where.values() if "/" in path})
    shards = len(entries)
    assert (root, shards) == (ROOT_LIMIT + 1, 256)
    assert max(entries.values()) < 1000
    assert len(set(where.values())) == 100_000


@pytest.mark.parametrize(
    "name", ["", "..", ".git", "a/b", "A", "-x", "x-", "_", "README.md", "a\n", "é", "a" * 64]
)
def test_row_14_what_is_no_workflow_name_gets_no_place(name):
    with pytest.raises(ValueError, match="is not a workflow name"):
        place(name, set(), {})


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("train", "train", True),
        ("_/11/train", "train", True),
        ("___/11/train", "train", True),
        ("_/12/train", "train", False),
        ("train", "churn", False),
        ("tests/11/train", "train", False),
        ("tests/fixtures/train", "train", False),
        ("", "", False),
        ("README.md", "README.md", False),
    ],
)
def test_a_copy_of_a_ledger_in_a_folder_of_people_is_no_place(path, name, expected):
    assert is_place(path, name) == expected
