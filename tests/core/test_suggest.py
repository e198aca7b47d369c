"""What was probably meant."""

from __future__ import annotations

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.suggest import did_you_mean, suggest

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


@given(st.sampled_from([k for k in KEYS if len(k) > 4]), st.data())
def test_one_wrong_letter_is_always_understood(key: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from(ascii_lowercase))
    typo = key[:position] + letter + key[position + 1 :]
    assert typo in KEYS or suggest(typo, KEYS) is not None


def test_ten_thousand_candidates_are_not_all_looked_at() -> None:
    looked_at = 0

    def candidates():
        nonlocal looked_at
        for number in range(10_000):
            looked_at += 1
            yield f"step-{number}"

    suggest("stpe-1", candidates())
    assert looked_at <= 2_001
