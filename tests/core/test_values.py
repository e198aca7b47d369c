"""Values: from text and to text, and what a parameter accepts."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from reconciler.core.values import (
    ValueRefused,
    accepts,
    coerce,
    env_name,
    measure,
    parse_text,
    to_text,
    type_of,
)
from reconciler.model.workflow import Parameter
from tests.chance import examples
from tests.core.expression_examples import json_values, texts


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        *(("a", "string", "a"), ("a\n", "string", "a"), ("a\r\n", "string", "a"), ("a\n\n", "string", "a\n")),
        *((" a ", "string", " a "), ("", "string", ""), ("é\n", "string", "é")),
        *(("5\n", "integer", 5), (" -5 ", "integer", -5), ("+5", "integer", 5), ("007", "integer", 7)),
        *(
            ("5", "number", 5.0),
            ("0.5\n", "number", 0.5),
            ("-1.5e-3", "number", -0.0015),
            (".5", "number", 0.5),
        ),
        *(("true\n", "boolean", True), ("false", "boolean", False)),
        *(("[1, 2.0, null]\n", "list", [1, 2.0, None]), ("[]", "list", [])),
        *(('{"a": [true]}', "object", {"a": [True]}), ("{}\n", "object", {})),
    ],
)
def test_what_a_step_wrote_becomes_a_value(text: str, type_name: str, value: object) -> None:
    parsed = parse_text(text, type_name)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "type_name", "reason"),
    [
        *(("", "integer", "'' is not an integer"), ("1.0", "integer", "'1.0' is not an integer")),
        *(
            ("1_000", "integer", "not an integer"),
            ("٣", "integer", "not an integer"),
            ("1e3", "integer", "not an"),
        ),
        *(("9" * 5000, "integer", "is not an integer"), ("9223372036854775808", "integer", "fit in 64 bits")),
        *(
            ("nan", "number", "not a finite"),
            ("inf", "number", "not a finite"),
            ("1e999", "number", "not a finite"),
        ),
        *(
            ("", "number", "not a finite"),
            ("0x10", "number", "not a finite"),
            ("1,5", "number", "not a finite"),
        ),
        *(
            ("True", "boolean", "neither true nor false"),
            ("1", "boolean", "neither"),
            ("yes", "boolean", "neither"),
        ),
        *(
            ("{}", "list", "'{}' is not a list"),
            ("[]", "object", "'[]' is not an object"),
            ("[1", "list", "not JSON"),
        ),
        *(("[NaN]", "list", "not JSON"), ("[1e999]", "list", "finite"), ("[Infinity]", "list", "not JSON")),
        *(("[" * 100_000, "list", "not JSON"), ("[" * 70 + "]" * 70, "list", "deeper than 64")),
        *(('{"a": 1, "a": 2}', "object", "stands twice"), ("[9223372036854775808]", "list", "64 bits")),
        *(
            ("[" + "9" * 5000 + "]", "list", "not JSON"),
            ("a\0b", "string", "NUL"),
            ("\ud800", "string", "surrogate"),
        ),
        ("x" * (2**24 + 1), "string", "longer than 16777216"),
        ("x" * 100, "integer", "'" + "x" * 40 + "...' is not an integer"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused_with_a_reason(
    text: str, type_name: str, reason: str
) -> None:
    with pytest.raises(ValueRefused) as caught:
        parse_text(text, type_name)
    assert reason in str(caught.value)


@examples()
@given(json_values)
def test_any_value_survives_the_way_through_text(value: object) -> None:
    assert parse_text(to_text([value]) + "\n", "list") == [value]
    assert parse_text(to_text({"k": value}), "object") == {"k": value}


@examples()
@given(texts)
def test_any_text_survives_with_one_line_end_after_it(text: str) -> None:
    assert parse_text(text + "\n", "string") == text.removesuffix("\r")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("a b", "a b"), ("", ""), (None, ""), (True, "true"), (False, "false"), (3, "3"), (-0.5, "-0.5")),
        *((1.0, "1"), (1e15, "1000000000000000.0"), (1e22, "1e+22"), (1e-7, "1e-07"), (-2.0, "-2")),
        *(([1, "a", None], '[1,"a",null]'), ({"é": 1.0}, '{"é":1.0}'), ([], "[]"), ("[]", "[]")),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    assert to_text(value) == text


def test_the_names_of_types_are_ours() -> None:
    values = ["a", 1, 1.0, True, [], {}, None]
    names = [type_of(value) for value in values]
    assert names == ["string", "integer", "number", "boolean", "list", "object", None]


def test_a_whole_number_becomes_a_float_only_where_a_number_is_declared() -> None:
    assert [type(coerce(1, name)) for name in ("number", "integer", None)] == [float, int, int]
    assert coerce(True, "number") is True


def test_the_environment_variable_of_a_parameter_is_in_upper_case() -> None:
    assert env_name("PARAM", "learningRate_2") == "PARAM_LEARNINGRATE_2"


@pytest.mark.parametrize(
    ("value", "parameter"),
    [
        ("a", Parameter("p")),
        (1, Parameter("p", "number", minimum=1, maximum=1)),
        (1.5, Parameter("p", "number", enum=(1, 1.5))),
        (2.0, Parameter("p", "number", enum=(1, 2))),
        (5, Parameter("p", "integer", enum=(3, 5))),
        (False, Parameter("p", "boolean")),
        (["a"], Parameter("p", "list", enum=(["a"], ["b"]))),
        ({"a": 1}, Parameter("p", "object")),
        ("eu-west-1", Parameter("p", pattern=r"[a-z]{2}-[a-z]+-\d")),
        ("a|b", Parameter("p", pattern=r"a\|b")),
        ("a\nb", Parameter("p", pattern=r"a\nb")),
    ],
)
def test_a_value_that_fits_its_declaration_is_accepted(value: object, parameter: Parameter) -> None:
    assert accepts(value, parameter) is None


@pytest.mark.parametrize(
    ("value", "parameter", "reason"),
    [
        (3, Parameter("p"), "'3' is refused for 'p': it must be of type string, and this is integer."),
        (None, Parameter("p"), "'' is refused for 'p': it must be of type string, and this is null."),
        (True, Parameter("p", "integer"), "it must be of type integer, and this is boolean."),
        (1.0, Parameter("p", "integer"), "it must be of type integer, and this is number."),
        ("c", Parameter("p", enum=("a", "b")), "'c' is refused for 'p': it must be one of 'a, b'."),
        (True, Parameter("p", "boolean", enum=(False,)), "it must be one of 'false'."),
        (0, Parameter("p", "integer", minimum=1), "'0' is refused for 'p': it must be at least 1."),
        (1.6, Parameter("p", "number", maximum=1.5), "it must be at most 1.5."),
        ("xa", Parameter("p", pattern="a"), "'xa' is refused for 'p': it must match the pattern 'a'."),
        ("a\n", Parameter("p", pattern="a"), "it must match the pattern 'a'."),
        ("ac", Parameter("p", pattern="a|b"), "it must match the pattern 'a|b'."),
        ("a", Parameter("p", pattern="a("), "The regular expression is invalid: missing ): a(."),
        ("anything", Parameter("p", pattern="a)|(?:.*"), "its pattern cannot be used"),
        ("a", Parameter("p", pattern="(?=a)a"), "its pattern cannot be used"),
        ("x" * 2**20, Parameter("p", pattern="[ab]*a[ab]{900}c"), "it is too long to be matched"),
        (math.inf, Parameter("p", "number"), "The value of 'p' is refused: a number must be finite."),
        ("a\0", Parameter("p"), "The value of 'p' is refused: it holds a NUL character."),
        (2**63, Parameter("p", "integer"), "The value of 'p' is refused: an integer must fit in 64 bits."),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(
    value: object, parameter: Parameter, reason: str
) -> None:
    assert reason in (accepts(value, parameter) or "accepted")


def test_a_pattern_that_would_never_end_elsewhere_is_matched_in_linear_time() -> None:
    assert accepts("a" * 50_000 + "!", Parameter("p", pattern="(a|a)*|(a*)*b|(x+x+)+y")) is not None


def test_the_size_of_a_value_counts_text_parts_and_the_longest_list() -> None:
    size = measure({"ab": ["c", 1, [None] * 5, [[]]]})
    assert size.units == 8 + (8 + 2) + 8 + (8 + 1) + 8 + (8 + 5 * 8) + (8 + 8)
    assert size.items == (5, 5, 5, 0, 0, 0, 0, 0)


def test_a_value_beyond_the_limit_is_refused() -> None:
    assert measure("x" * 2**24).units == 8 + 2**24
    for value in (
        "x" * (2**24 + 1),
        ["x" * 2**20] * 16,
        [[0] * 2**18] * 8,
        {"x" * 2**20: ["x" * 2**20] * 15},
    ):
        with pytest.raises(ValueRefused, match="larger than 16 MiB"):
            measure(value)


def test_json_of_a_value_is_the_same_after_text() -> None:
    value = {"b": [1, 1.0, "x"], "a": None}
    assert json.loads(to_text(value)) == value
