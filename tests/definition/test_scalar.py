"""What plain scalars mean: row 10 of the threat table, value by value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.definition import document, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            (word, word)
            for word in ("on", "off", "yes", "no", "y", "n", "Yes", "NO", "On", "nope", "none", "None")
        ),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, word) for word in ("tRUE", "nULL", "truey", "nullable")),
        *(("0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("-0", 0), ("9223372036854775807", 2**63 - 1)),
        *(
            ("-9223372036854775808", -(2**63)),
            ("1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("-1e3", -1000.0),
            ("1E-2", 0.01),
        ),
        *(
            (word, word)
            for word in ("010", "007", "-01", "00", "0o17", "0x1f", "0b11", "1_000", "01.5", "1,5")
        ),
        *(
            (word, word)
            for word in ("1:30", "12:30:45", "2026-11-23", "2026-11-23T10:00:00Z", "1.2.3", "1e", "e1")
        ),
        *(
            (word, word)
            for word in ("-", "+", ".", "--", "-x", "...", "3a", "nan", "inf", "+.5.", "=", "1 000")
        ),
    ],
)
def test_row_10_a_plain_scalar_means_what_it_looks_like(text: str, value: Any) -> None:
    found = scalar.resolve(text)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e400", "-1e999", "9" * 19, "9" * 5000]
)
def test_row_10_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(scalar.NotRepresentable):
        scalar.resolve(text)


@given(st.text(max_size=12) | st.from_regex(r"[-+.0-9eE_:xo]{1,12}", fullmatch=True))
def test_every_text_is_a_json_scalar_or_refused(text: str) -> None:
    try:
        value = scalar.resolve(text)
    except scalar.NotRepresentable:
        return
    assert value is None or isinstance(value, str | bool | int | float)
    assert not isinstance(value, float) or math.isfinite(value)
    assert not isinstance(value, str) or value == text


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_what_json_writes_is_read_as_the_same(value: Any) -> None:
    import json

    assert scalar.resolve(json.dumps(value)) == value


def test_quoted_scalars_are_text_and_plain_ones_in_lists_are_not() -> None:
    read = document.read("a: '010'\nb: \"true\"\nc: [no, yes, 1, ~]\nd: |\n  5\n").documents[0]

    assert read.value == {"a": "010", "b": "true", "c": ["no", "yes", 1, None], "d": "5\n"}
