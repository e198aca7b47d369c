"""Values that hold expressions, with the expressions put in place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.expressions import ExpressionFailed
from reconciler.core.templates import render, render_text
from tests.chance import examples
from tests.core.expression_examples import VALUES


@examples()
@given(st.text())
def test_text_without_expressions_stays_as_it_is(text: str) -> None:
    text = text.replace("${{", "")
    assert render(text, {}) == text
    assert render_text(text, {}) == text


def test_a_doubled_dollar_gives_a_plain_one() -> None:
    assert render("$${{ x }} ${{ 1 }}", {}) == "${{ x }} 1"


@examples()
@given(st.text(st.characters(exclude_characters="$")))
def test_a_value_in_text_is_never_read_as_a_template(around: str) -> None:
    values = {"parameters": {"x": "${{ run.id }} $${{"}}
    assert (
        render_text(around + "${{ parameters.x }}" + around, values)
        == f"{around}${{{{ run.id }}}} $${{{{{around}"
    )


def test_a_template_keeps_the_type_only_where_it_is_one_expression() -> None:
    template = {
        "a": ["${{ run.number }}", " ${{ run.number }}", 7, None],
        "b": {"c": "${{ parameters.regions }}"},
    }
    assert render(template, VALUES) == {"a": [3, " 3", 7, None], "b": {"c": ["eu"]}}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        *(
            ("1.0", "1"),
            ("0.1", "0.1"),
            ("0.00001", "1e-05"),
            ("1e300", "1e+300"),
            ("-3", "-3"),
            ("-0.0", "0"),
        ),
        *(("true", "true"), ("null", ""), ("[1, 'a', 1.5, null]", '[1,"a",1.5,null]'), ("'a b'", "a b")),
        ("{'é': [true]}", '{"é":[true]}'),
    ],
)
def test_values_become_text_in_their_shortest_form(source: str, text: str) -> None:
    assert render_text(f"${{{{ {source} }}}}", VALUES) == text
    assert render(f"<${{{{ {source} }}}}>", VALUES) == f"<{text}>"


def test_a_text_does_not_grow_beyond_its_limit() -> None:
    values = {"parameters": {"x": "x" * 300_000}}
    with pytest.raises(ExpressionFailed, match="1 MiB"):
        render_text("${{ parameters.x }}" * 4, values)


def test_a_template_that_is_nested_too_deeply_is_refused() -> None:
    template: object = "x"
    for _ in range(10_000):
        template = [template]
    with pytest.raises(ExpressionFailed, match="nested deeper than 64"):
        render(template, {})


def test_the_place_of_a_broken_expression_is_that_in_the_text() -> None:
    with pytest.raises(ExpressionFailed) as caught:
        render("abc ${{ 1 + nope }}", VALUES)
    assert "abc ${{ 1 + nope }}"[caught.value.offset :] == "nope }}"
