"""What was probably meant."""

from __future__ import annotations

from itertools import count
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.suggest import did_you_mean, suggest
from tests.chance import examples

KEYS = [
    "command",
    "args",
    "script",
    "files",
    "env",
    "workingDir",
    "needs",
    "inputs",
    "outputs",
    "when",
    "timeout",
    "retry",
]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("comand", "command"), ("commmand", "command"), ("ocmmand", "command"), ("cimmand", "command")),
        *(("working_dir", "workingDir"), ("working-dir", "workingDir"), ("workingdir", "workingDir")),
        *(("output", "outputs"), ("input", "inputs"), ("nv", "env"), ("evn", "env"), ("Env", "env")),
        *(("zebra", None), ("", None), ("x" * 1000, None)),
    ],
)
def test_a_slip_of_the_keyboard_is_understood(name: str, meant: str | None) -> None:
    assert suggest(name, KEYS) == meant


def test_a_suggestion_is_a_sentence_or_nothing() -> None:
    assert did_you_mean("comand", KEYS) == " Did you mean 'command'?"
    assert did_you_mean("zebra", KEYS) == ""


def test_a_name_is_never_suggested_for_itself() -> None:
    assert suggest("needs", ["needs", "need"]) == "need"


@examples()
@given(st.sampled_from([k for k in KEYS if len(k) > 4]), st.data())
def test_one_wrong_letter_is_always_understood(key: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from(ascii_lowercase))
    typo = key[:position] + letter + key[position + 1 :]
    assert typo in KEYS or suggest(typo, KEYS) is not None


def test_one_slip_is_understood_among_ten_thousand_names() -> None:
    names = [f"step-{number}" for number in range(10_000)]
    assert suggest("stpe-9123", names) == "step-9123"
    assert suggest("stepp-9123", names) == "step-9123"
    assert suggest("tep-9123", names) == "step-9123"


def test_no_more_candidates_are_looked_at_than_a_file_may_hold() -> None:
    assert suggest("none-of-them", (f"x{number}" for number in count())) is None
