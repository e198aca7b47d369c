"""Scripts that no kernel could run are problems before they are pushed."""

from __future__ import annotations

import pytest

from reconciler.definition import check_text

HEAD = "apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {name: a}\nspec:\n  steps:\n    a:\n"


def test_a_first_line_that_ends_in_a_carriage_return_is_a_problem_at_its_place() -> None:
    text = HEAD + '      script: "#!/bin/sh\\r\\ntrue\\r\\n"\n'
    (problem,) = check_text(text.encode()).problems
    assert (problem.code, problem.line, problem.where) == ("ScriptRefused", 7, "$.spec.steps.a.script")
    assert problem.column >= text.splitlines()[6].index('"') + 1
    assert "carriage return" in problem.message


@pytest.mark.parametrize(
    "step",
    [
        '      script: "#!/bin/sh\\r\\ntrue"\n      interpreter: [sh]\n',
        '      script: "echo \\r\\n"\n',
        '      script: "#!/bin/sh\\necho \\r\\n"\n',
        "      script: |\r\n        #!/bin/sh\r\n        true\r\n",
    ],
    ids=["other-interpreter", "no-such-line", "later-line", "line-ends-of-the-file"],
)
def test_a_carriage_return_that_names_no_interpreter_is_none(step: str) -> None:
    assert check_text((HEAD + step).encode()).problems == ()
