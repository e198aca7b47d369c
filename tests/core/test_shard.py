"""Every workflow has exactly one owner, whatever the number of shards."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.shard import ALL, Layout, Shard


@given(st.text(), st.integers(1, 64))
def test_of_all_shards_exactly_one_owns_a_workflow(name: str, count: int) -> None:
    assert [Shard(index, count).owns(name) for index in range(count)].count(True) == 1


@given(st.text())
def test_one_shard_owns_everything(name: str) -> None:
    assert ALL.owns(name)


def test_a_thousand_workflows_are_parted_evenly() -> None:
    shards = [Shard(index, 4) for index in range(4)]
    parts = Counter(str(s) for s in shards for n in range(1000) if s.owns(f"team-{n % 7}-workflow-{n}"))
    assert set(parts) == {f"shard {index} of 4" for index in range(4)}
    assert all(200 < size < 300 for size in parts.values()), parts


def test_who_owns_what_is_the_same_in_every_release() -> None:
    """A pass of an older release and one of a newer may work side by side."""
    owners = {name: next(i for i in range(4) if Shard(i, 4).owns(name)) for name in ("churn", "weather", "a")}
    assert owners == {"churn": 0, "weather": 2, "a": 3}


def test_a_layout_is_read_as_it_was_written() -> None:
    layout = Layout(2).changed_to(4)
    assert Layout.parse(f"{layout}\n") == layout == Layout(4, 2)


@pytest.mark.parametrize("text", ["", "4", "4 x", "-1 2", "four 1"])
def test_what_is_no_layout_is_none(text: str) -> None:
    assert Layout.parse(text) is None
