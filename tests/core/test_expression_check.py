"""What is found wrong with an expression before there are values: which words, and where."""

from __future__ import annotations

import pytest

from reconciler.core.expressions import check
from tests.core.expression_examples import SCOPE

_LONE = "it holds half of a surrogate pair, which is no character"
_ONE_TYPE = "Both sides must be of one type: write 2.0 for 2, or double(x)."
_STEPS = "Write steps.<step>.outputs.<name> or steps.<step>.phase."
_NOT_A_VALUE = "The expression gives bytes, which are not a value. Write string(x)."


@pytest.mark.parametrize(
    ("before", "place", "message"),
    [
        ("'' + ", "steps.load-dta.phase", "No step is called 'load-dta'. Did you mean 'load-data'?"),
        (
            "1 + ",
            "steps.load-data.outputs.row",
            "Step 'load-data' has no output parameter 'row'. Did you mean 'rows'?",
        ),
        ("1 + ", "parameters.epoch", "No parameter is called 'epoch'. Did you mean 'epochs'?"),
        ("", "inputs.pth", "This step has no input parameter 'pth'. Did you mean 'path'?"),
        ("", "run.nmber", "'run' has no 'nmber'. Did you mean 'number'?"),
        ("", "workflow.nam", "'workflow' has no 'nam'. Did you mean 'name'?"),
        (
            "steps.train.",
            "output.x",
            "A step has no 'output', it has 'outputs' and 'phase'. Did you mean 'outputs'?",
        ),
        ("'' + ", "epochs", "Nothing is called 'epochs'. Did you mean 'parameters.epochs'?"),
        ("", "step.train.phase", "Nothing is called 'step.train.phase'. Did you mean 'steps.train.phase'?"),
        ("1 + ", "stirng(2)", "Nothing is called 'stirng'. Did you mean 'string'?"),
        ("'a'.", "startWith('a')", "Nothing is called 'startWith'. Did you mean 'startsWith'?"),
        ("", "run.id(1)", "'run.id' is a value and cannot be called."),
        ("1 ", "run.id", "'run.id' is not expected here."),
        ("1 == ", "steps", f"'steps' is not a value of its own. {_STEPS}"),
        (
            "",
            "parameters[run.id]",
            "What follows 'parameters' must be a plain name, as in parameters.<name>.",
        ),
        (
            "[1].map(",
            "run, 2)",
            "'run' is the root of references and cannot be a loop's variable. Choose another.",
        ),
        (
            "steps.load-data.outputs.rows ",
            "* parameters.rate",
            f"'*' cannot be applied to integer and number. {_ONE_TYPE}",
        ),
        ("1 ", "= 1", "'=' is not an operator. Write == to compare."),
        ("true ", "and false", "'and' is not expected here. Write && for and."),
        ("(1", "", "')' is missing at the end."),
        ("1 +", "", "The expression ends too early."),
        ("", "", "The expression is empty."),
        ("", "b'x'", _NOT_A_VALUE),
        ("", "int", "The expression gives a type, which is not a value."),
        ("", "'a\0b'", "The expression cannot be read: it holds a NUL character."),
        ("", "'\ud800'", f"The expression cannot be read: {_LONE}."),
        ("", "x" * 4097, "The expression is longer than 4096 characters."),
        ("", "(" * 200, "The expression is nested too deeply (32 levels)."),
        ("", "[1]" + ".map(x, x)" * 40, "The expression is nested too deeply (32 levels)."),
        ("", "[1].map(a, [1].map(b, [1].map(c, [1].map(d, [1].map(e, 1)))))", "more than 4 deep."),
        ("", "['a']" + ".map(x, x + x)" * 25, "The expression may take more than 16 MiB."),
    ],
)
def test_what_is_wrong_is_said_for_people_and_in_its_place(before: str, place: str, message: str) -> None:
    problem = check(before + place, SCOPE).problems[0]
    assert problem.message.endswith(message)
    assert (before + place)[problem.offset :] == place


def test_places_are_right_after_references_line_ends_and_wide_characters() -> None:
    source = "'é😀' + steps['load-data'].phase +\n  steps.train\n.phase + nope"
    assert [source[p.offset :] for p in check(source, SCOPE).problems] == ["nope"]


def test_all_problems_of_an_expression_are_told_at_once_in_order() -> None:
    source = "parameters.epoch + steps.tran.phase + steps + nope"
    found = [source[p.offset :][:8] for p in check(source, SCOPE).problems]
    assert found == ["paramete", "steps.tr", "steps + ", "nope"]


@pytest.mark.parametrize(
    ("source", "type_name"),
    [
        *(("1", "integer"), ("1.0", "number"), ("'a'", "string"), ("true", "boolean")),
        *(("[1]", "list"), ("{'a': 1}", "object"), ("null", None), ("timestamp(0)", "string")),
        *(("parameters.rate", "number"), ("steps.train.phase", "string"), ("run.number", "integer")),
        *(("parameters.cfg.x", None), ("parameters.regions[0]", None), ("has(parameters.cfg.x)", "boolean")),
    ],
)
def test_the_type_of_an_expression_is_known_where_it_can_be(source: str, type_name: str | None) -> None:
    assert check(source, SCOPE).type == type_name


def test_an_expected_type_is_required_where_the_type_is_known() -> None:
    (problem,) = check("run.number", SCOPE, expect="boolean").problems
    assert problem.message == "This must give a value of type boolean, and gives integer."
    assert check("run.number > 1", SCOPE, expect="boolean").problems == ()
    assert check("parameters.cfg.x", SCOPE, expect="boolean").problems == ()
    assert check("1", SCOPE, expect="number").problems == ()


@pytest.mark.parametrize(
    "source",
    [
        "parameters.regions.map(r, 'bucket-' + r).filter(b, b.startsWith('bucket')).size() > 0",
        "parameters.regions.all(r, parameters.regions.exists(s, s.matches('^[a-z]{2}-[a-z]+-[0-9]$')))",
        "parameters.regions.map(r, {'region': r, 'tags': parameters.regions.map(s, r + '/' + s)})",
        " && ".join(f"steps.load-data.outputs.rows > {n}" for n in range(100)),
    ],
)
def test_what_people_write_is_not_taken_for_a_bomb(source: str) -> None:
    assert check(source, SCOPE).problems == ()
