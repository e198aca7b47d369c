"""What expressions give, and why they fail."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.expressions import ExpressionFailed, check, evaluate
from tests.chance import examples
from tests.core.expression_examples import SCOPE, VALUES, json_values


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "`1 / 0`: Division by zero."),
        ("9223372036854775807 + 1", "`9223372036854775807 + 1`: An integer must fit in 64 bits."),
        ("[1][3]", "`[1][3]`: There is no item 3 in a list of 1."),
        ("parameters.cfg.x", '`parameters.cfg.x`: There is no key "x".'),
        ("'a'.matches('(')", "`'a'.matches('(')`: The regular expression is invalid: missing ): (."),
        ("1.0 / 0.0", "`1.0 / 0.0` has no usable value: a number must be finite."),
        ("0.0 / 0.0", "`0.0 / 0.0` has no usable value: a number must be finite."),
        ("b'x'", "`b'x'` has no usable value: bytes are not a JSON value."),
        ("{1: 2}", "`{1: 2}` has no usable value: an object's key must be a string, and '1' is not."),
        (
            "9223372036854775808u",
            "`9223372036854775808u` has no usable value: an integer must fit in 64 bits.",
        ),
        ("'\\u0000'", "`'\\u0000'` has no usable value: it holds a NUL character."),
        (
            "steps.train.outputs.accuracy > 1.0",
            "`steps.train.outputs.accuracy > 1.0`: steps.train.outputs.accuracy has no value"
            " (step 'train' is Skipped).",
        ),
        ("run.id2", "`run.id2`: run.id2 has no value."),
        ("parameters.other", "`parameters.other`: parameters.other has no value."),
        ("'a' + \n   'b' + 1 + '" + "c" * 99 + "'", f"`'a' + 'b' + 1 + '{'c' * 40}...`: "),
    ],
)
def test_why_an_expression_has_no_value_is_said_for_people(source: str, message: str) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        evaluate(source, VALUES)
    assert str(caught.value).startswith(message)


def test_a_whole_number_is_a_number_where_one_is_declared() -> None:
    assert evaluate("parameters.rate * 1.5", VALUES, SCOPE) == 1.5
    assert type(evaluate("parameters.rate", VALUES, SCOPE)) is float


def test_without_declarations_the_types_are_those_of_the_values() -> None:
    with pytest.raises(ExpressionFailed, match="integer and number"):
        evaluate("parameters.rate * 1.5", VALUES)


@pytest.mark.parametrize("value", ["5", 5.5, True, None, [5]])
def test_a_value_of_another_type_than_declared_is_refused_and_never_bent(value: object) -> None:
    with pytest.raises(ExpressionFailed, match="epochs must be of type integer"):
        evaluate("parameters.epochs + 1", {"parameters": {"epochs": value}}, SCOPE)


def test_what_was_not_given_fails_only_where_it_is_needed() -> None:
    asked = "has(steps.train.outputs.accuracy) && steps.train.outputs.accuracy > 0.5"
    assert check(asked, SCOPE).problems == ()
    assert evaluate(asked, VALUES, SCOPE) is False
    assert evaluate("has(steps.load-data.outputs.rows)", VALUES, SCOPE) is True
    assert evaluate("has(parameters.cfg.x) || has(parameters.cfg)", VALUES, SCOPE) is True
    assert evaluate("steps.train.phase == 'Skipped' || steps.train.outputs.accuracy > 0.5", VALUES) is True


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**63, float("nan"), {"a": object()}, {1: 1}])
@pytest.mark.parametrize("source", ["parameters.x", "[parameters.x]"])
def test_values_that_the_library_would_cut_or_choke_on_are_refused(value: object, source: str) -> None:
    with pytest.raises(ExpressionFailed, match="no usable value"):
        evaluate(source, {"parameters": {"x": value}})


@examples()
@given(json_values)
def test_a_reference_gives_exactly_the_value_that_it_refers_to(value: object) -> None:
    values = {"parameters": {"x": value}}
    assert json.dumps(evaluate(" parameters.x ", values)) == json.dumps(value)
    through_the_library = evaluate("[parameters.x]", values)
    assert json.dumps(through_the_library, sort_keys=True) == json.dumps([value], sort_keys=True)


def test_objects_that_expressions_make_have_their_keys_in_order() -> None:
    source = "{'z': 1, 'b': {'y': 1, 'x': 2}, 'a': 3}"
    assert json.dumps(evaluate(source, {})) == '{"a": 3, "b": {"x": 2, "y": 1}, "z": 1}'


@pytest.mark.parametrize(
    ("source", "text"),
    [
        *(("duration('-1.5s')", "-1.5s"), ("duration('90m')", "5400s"), ("duration('1us')", "0.000001s")),
        ("timestamp('2025-03-30T02:00:00+01:00')", "2025-03-30T01:00:00Z"),
        ("timestamp('2025-03-30T02:00:00.25Z')", "2025-03-30T02:00:00.250Z"),
        ("timestamp('0001-01-01T00:00:00Z')", "0001-01-01T00:00:00Z"),
    ],
)
def test_times_and_spans_become_text(source: str, text: str) -> None:
    assert evaluate(source, {}) == text


pieces = st.sampled_from(
    [
        *"()[]{}.,:?!+-*/%<>=&|'\"\\`$ \n0159aerbux_é😀\u2028\0",
        *("steps.load-data.outputs.rows", "steps", "parameters.epochs", "run.id", "has(", ".map(x, "),
        *("x", "'a'", "1.5", "1u", " in ", "true", "null", "r'", "'''", "//", "[1,2]", "{'a': 1}"),
        *("timestamp('2020-01-01T00:00:00Z')", "duration('1h')", "string(", "int(", "b'a'", "dyn("),
        *(".filter(x, ", "double(", ".matches(", "type(", "parameters.cfg", "parameters.regions"),
    ]
)
sources = st.lists(pieces, max_size=12).map("".join) | st.text(max_size=40)


def outcome(source: str) -> tuple[object, str]:
    """The value, or the sentence that says why there is none."""
    try:
        return evaluate(source, VALUES, SCOPE), ""
    except ExpressionFailed as failed:
        return None, failed.message


@examples(600)
@given(sources)
def test_no_source_whatever_does_anything_but_give_a_value_or_a_sentence(source: str) -> None:
    result = check(source, SCOPE)
    assert all(0 <= p.offset <= len(source) and p.message for p in result.problems)
    value, failure = outcome(source)
    json.dumps(value, allow_nan=False)
    assert failure or not result.problems
    for message in (failure, *(p.message for p in result.problems)):
        assert not re.search(r"INVALID_ARGUMENT|<input>|No value with|'_a[a-z]'", message)
