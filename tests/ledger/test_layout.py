"""Places: at the top while there is room, then by hash, and for ever."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.ledger.layout import ROOT_LIMIT, place, places


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


def test_places_are_read_from_the_names_in_the_tree():
    found = places(["train", "README.md", "_", "Odd Name"], {"ab": ["churn", ".git"], "cd": []})
    assert found == {"train": "train", "churn": "_/ab/churn"}
