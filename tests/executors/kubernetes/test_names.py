"""Names in the cluster are derived, valid, and different where what they stand for differs."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from reconciler.executors.kubernetes import names
from reconciler.model.run import AttemptKey

KEYS = st.builds(AttemptKey, st.text(min_size=1), st.text(min_size=1), st.integers(1, 10**6))
POD = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


@given(KEYS)
def test_every_attempt_has_a_valid_pod_name(key: AttemptKey) -> None:
    name = names.pod_name(key)
    assert POD.fullmatch(name)
    assert len(name) <= 63
    assert names.pod_name(key) == name


@given(KEYS, KEYS)
def test_two_attempts_never_share_a_name(one: AttemptKey, other: AttemptKey) -> None:
    assert (names.pod_name(one) == names.pod_name(other)) == (one == other)
    assert (names.object_name(one) == names.object_name(other)) == (one == other)


@given(st.text(min_size=1, max_size=300))
def test_a_run_is_a_valid_label_and_names_a_valid_anchor(run_id: str) -> None:
    assert LABEL.fullmatch(names.run_label(run_id))
    anchor = names.anchor_name(run_id)
    assert re.fullmatch(r"[a-z0-9.-]+", anchor)
    assert len(anchor) <= 253


def test_names_can_be_read() -> None:
    key = AttemptKey("churn-12-3f9a1c2b", "train", 1)
    assert names.pod_name(key) == "churn-12-3f9a1c2b-train-fmljokkhamah5p43"
    assert names.run_label(key.run_id) == "churn-12-3f9a1c2b"
    assert names.anchor_name(key.run_id) == "run-churn-12-3f9a1c2b"


def test_a_long_name_of_a_run_becomes_a_short_label() -> None:
    run_id = "a-workflow-with-a-name-that-is-as-long-as-the-schema-allows-it-123456-3f9a1c2b"
    assert names.run_label(run_id) == "a-workflow-with-a-name-that-is-as-long-a-xpulgungkn3nu32o"
