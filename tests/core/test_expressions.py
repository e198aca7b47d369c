"""Where expressions begin and end in text, and what they refer to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.expressions import (
    Embedded,
    ExpressionFailed,
    Reference,
    Scope,
    check,
    condition,
    evaluate,
    find,
    references,
)
from tests.chance import examples
from tests.core.expression_examples import SCOPE, VALUES, parameter_names, step_names


def test_every_expression_of_a_text_is_found_with_its_place() -> None:
    assert find("a ${{ x }} b${{y}}") == (Embedded(2, 10, " x "), Embedded(12, 18, "y"))


@pytest.mark.parametrize(
    "source",
    [
        *("'}}'", '"}}"', "'''}}'''", "r'}}\\'", "'\\'}}'", "`a-b`"),
        *("{'a': {'b': 1}}", "{'a':{'b':1}}", "1 // it's a comment "),
    ],
)
def test_braces_in_strings_and_objects_do_not_end_an_expression(source: str) -> None:
    assert find(f"<${{{{{source}}}}}>") == (Embedded(1, len(source) + 6, source),)


def test_a_doubled_dollar_is_text() -> None:
    assert find("$${{ x }} $$${{ y") == ()


@pytest.mark.parametrize(
    "text", ["ab ${{ x", "ab ${{ x }", "ab ${{ {'a': 1 }}", "ab ${{" + "x" * 5000 + "}}"]
)
def test_an_expression_that_is_not_closed_is_told_with_its_place(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="not closed") as caught:
        find(text)
    assert caught.value.offset == 3


def test_a_string_that_is_not_closed_does_not_swallow_the_rest_of_the_text() -> None:
    open_string, after = find("${{ 'abc }} and ${{ run.id }}")
    assert (
        check(open_string.source, SCOPE).problems[0].message == "The string that begins here is not closed."
    )
    assert after.source == " run.id "


def test_a_text_of_nothing_but_beginnings_is_refused_at_the_first() -> None:
    with pytest.raises(ExpressionFailed, match="not closed") as caught:
        find("${{ '" * 1_000_000)
    assert caught.value.offset == 0


@pytest.mark.parametrize("text", ["epochs > 1", "${{ epochs > 1 }}", " ${{epochs > 1}}\n"])
def test_a_condition_may_come_with_and_without_its_marks(text: str) -> None:
    embedded = condition(text)
    assert text[embedded.inside :].startswith(embedded.source)
    assert embedded.source.strip() == "epochs > 1"


@pytest.mark.parametrize("text", ["${{ a }} && ${{ b }}", "not ${{ a }}"])
def test_a_condition_in_pieces_is_refused(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="inside of one"):
        condition(text)


def test_references_are_found_with_names_that_have_hyphens() -> None:
    source = "steps.load-data.outputs.rows-1 + size(parameters['in']) + steps['a-1'].phase.size()"
    assert references(source) == (
        Reference("steps", ("load-data", "outputs", "rows"), 0, 28),
        Reference("parameters", ("in",), 38, 54),
        Reference("steps", ("a-1", "phase"), 58, 76),
    )


def test_fields_strings_and_comments_that_look_like_roots_are_no_references() -> None:
    assert references("'steps.a.phase' + x.steps.a-b + \"run.id\" // run.number") == ()


@examples()
@given(
    step=step_names,
    output=parameter_names,
    parameter=parameter_names,
    space=st.sampled_from(["", " ", "\n", " // ' \n"]),
)
def test_references_to_any_names_are_found_and_evaluated(
    step: str, output: str, parameter: str, space: str
) -> None:
    dotted = f"[steps{space}.{step}.outputs.{output},parameters.{parameter}]"
    indexed = f"[steps['{step}']{space}.outputs['{output}'],parameters[{space}'{parameter}']]"
    values = {"parameters": {parameter: "p"}, "steps": {step: {"outputs": {output: 7}}}}
    scope = Scope({parameter: "string"}, {step: {output: "integer"}})
    for source in (dotted, indexed):
        assert [(r.root, r.path) for r in references(source)] == [
            ("steps", (step, "outputs", output)),
            ("parameters", (parameter,)),
        ]
        assert check(source, scope).problems == ()
        assert evaluate(source, values) == [7, "p"]


def test_names_that_are_reserved_in_cel_work() -> None:
    assert evaluate("parameters.in + parameters['in']", VALUES, SCOPE) == "herehere"
    assert evaluate("parameters.true + 1", {"parameters": {"true": 1}}) == 2
