"""From text to values: structure, merge keys, several documents, and never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.definition import check_text, document
from reconciler.definition.verdict import Verdict
from tests.chance import examples
from tests.definition.test_examples import INVALID, VALID

# no NUL, which is refused, and nothing that JSON writes as two escapes, which are none in YAML
TEXT = st.text(st.characters(codec="utf-8", min_codepoint=1, max_codepoint=0xFFFF), max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def values(text: str) -> list[Any]:
    reading = document.read(text)
    assert reading.problems == []
    assert [problem for each in reading.documents for problem in each.problems] == []
    return [each.value for each in reading.documents]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
        (
            "a: &x {p: 1}\nb: &y {p: 2, r: 4}\nc: {<<: [*x, *y]}",
            {"a": {"p": 1}, "b": {"p": 2, "r": 4}, "c": {"p": 1, "r": 4}},
        ),
        (
            "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}",
            {"a": {"p": 1}, "b": {"p": 1, "q": 2}, "c": {"p": 1, "q": 2}},
        ),
        ("a: {'<<': 1}", {"a": {"<<": 1}}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("&k key: *k", {"key": "key"}),
    ],
)
def test_anchors_and_merge_keys(text: str, value: Any) -> None:
    assert values(text) == [value]


def test_anchors_do_not_reach_into_the_next_document() -> None:
    reading = document.read("a: &x 1\n---\nb: *x\n")

    said = [[problem.message for problem in each.problems] for each in reading.documents]
    assert said == [[], ["No anchor '&x' stands before this alias."]]


def test_documents_know_where_they_begin() -> None:
    reading = document.read("# comment\n\na: 1\n--- # again\nb: 2\n...\n\n---\n\n  c: 3\n")

    assert [(each.value, each.line) for each in reading.documents] == [
        ({"a": 1}, 3),
        ({"b": 2}, 4),
        ({"c": 3}, 8),
    ]


@examples()
@given(PLAIN)
def test_json_is_read_as_itself(value: Any) -> None:
    assert values(json.dumps([value])) == [[value]]


@examples()
@given(PLAIN)
def test_what_a_yaml_library_quotes_is_read_as_text(value: Any) -> None:
    text = yaml.safe_dump([value], default_style='"')

    assert values(text.replace('!!null "null"', "null").replace("!!bool ", "").replace("!!int ", "")) == [
        _as_text([value])
    ]


def _as_text(value: Any) -> Any:
    """In double quotes, numbers and constants are text."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return value if value is None or isinstance(value, str) else json.dumps(value)


@examples()
@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    verdict = check_text(data)

    assert "CheckerFailed" not in {problem.code for problem in verdict.problems}
    assert verdict == Verdict.from_json(verdict.to_json())


SAMPLES = [path.read_bytes() for path in (*VALID, *INVALID)]
PIECES = [
    *(
        b"- ",
        b": ",
        b"[",
        b"]",
        b"{",
        b"}",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!str ",
        b"|\n",
        b"'",
        b'"',
        b"#",
        b"\n---\n",
        b"? ",
    ),
    *(
        b"${{ ",
        b" }}",
        b"null",
        b"1",
        b"true",
        b"\n",
        b"  ",
        b"\t",
        b"steps",
        b"needs",
        b"parameters",
        b"\xff",
        b"\0",
        b"%",
    ),
]


@examples(300)
@given(st.sampled_from(SAMPLES), st.data())
def test_no_mutated_definition_raises(sample: bytes, data: st.DataObject) -> None:
    mutated = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 5))):
        begin = data.draw(st.integers(0, len(mutated)))
        end = begin + data.draw(st.integers(0, 20))
        mutated[begin:end] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=4))

    verdict = check_text(bytes(mutated))

    assert "CheckerFailed" not in {problem.code for problem in verdict.problems}
    lines = bytes(mutated).count(b"\n") + 1
    assert all(0 <= problem.line <= lines for problem in verdict.problems)
    assert verdict == Verdict.from_json(verdict.to_json())
