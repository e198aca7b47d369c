"""What is asked of an object of the cluster: conditions that wait for fields, and values by path."""

from __future__ import annotations

import pytest

from reconciler.core.observed import holds, problems, value_at
from reconciler.model.workflow import MISSING

SPARK = {
    "metadata": {"name": "count"},
    "status": {"applicationState": {"state": "COMPLETED"}, "rows": 3, "items": [{"name": "a"}]},
}


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("object.status.applicationState.state == 'COMPLETED'", True),
        ("object.status.applicationState.state in ['FAILED', 'SUBMISSION_FAILED']", False),
        ("object.status.items.exists(i, i.name == 'a')", True),
        ("has(object.status.end)", False),
        ("object.status.rows > 2.5", True),
    ],
)
def test_a_condition_is_met_or_not(source: str, answer: bool) -> None:
    assert holds(source, SPARK) is answer


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("object.status.phase == 'Done'", 'There is no key "phase".'),
        ("object.status.rows > 'x'", "'>' cannot be applied to integer and string."),
        ("object.status.rows", "The condition gives neither true nor false."),
        ("object.", "'.' is not expected here."),
    ],
)
def test_a_condition_without_an_answer_says_why(source: str, why: str) -> None:
    assert holds(source, SPARK) == why


def test_an_object_that_has_no_status_yet_is_no_failure() -> None:
    assert holds("object.status.rows == 3", {}) == 'There is no key "status".'


def test_a_condition_cannot_be_made_to_take_all_memory() -> None:
    bomb = "object.items" + ".map(x, x + x)" * 15 + " == []"
    assert holds(bomb, {"items": ["a" * 1000] * 100}) == "The expression may take more than 16 MiB."
    assert holds("object.a == 1", {"a": "\0"}) == "The object cannot be looked at: it holds a NUL character."


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("object.status.state == 'X'", []),
        ("object.status.succeeded >= 1 && !has(object.status.failed)", []),
        ("objekt.status == 1", [(0, "Nothing is called 'objekt.status'. Did you mean 'object'?")]),
        ("status.state == 1", [(0, "Nothing is called 'status.state'. Fields begin with `object.`")]),
        (
            "object.a == parameters.x",
            [(12, "Nothing is called 'parameters.x'. A condition sees the object alone, as `object`.")],
        ),
        ("1 + 1", [(0, "This must give a value of type boolean, and gives integer.")]),
        ("object.a" + " " * 4096, [(0, "The expression is longer than 4096 characters.")]),
    ],
)
def test_what_is_wrong_with_a_condition_is_told_before_there_is_an_object(
    source: str, wrong: list[tuple[int, str]]
) -> None:
    assert [(problem.offset, problem.message) for problem in problems(source)] == wrong


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status.rows", 3),
        ("status.items[0].name", "a"),
        ("status.items[1].name", MISSING),
        ("status.applicationState", {"state": "COMPLETED"}),
        ("status.rows.more", MISSING),
        ("spec.none", MISSING),
    ],
)
def test_a_value_is_found_by_its_path(path: str, value: object) -> None:
    assert value_at(path, SPARK) == value
