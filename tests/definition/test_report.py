"""Problems in the forms that people and programs ask for."""

from __future__ import annotations

import json

import pytest

from reconciler.definition import check_text, report
from reconciler.model.problem import Problem, Severity

PROBLEMS = [
    Problem("workflows/b.yaml", 3, 5, "$.spec", "UnknownKey", "Unknown key 'a'."),
    Problem("workflows/a b,c:ü%.yaml", 1, 2, "$", "Pasted", "50% of\r\nit::", Severity.WARNING),
    Problem("workflows/c.yaml", 1, 1, "$", "FileTooLarge", "Too large."),
]


def test_text_has_a_line_for_each_in_the_order_of_places() -> None:
    assert report.render(PROBLEMS, "text").splitlines() == [
        "workflows/a b,c:ü%.yaml:1:2: $: warning: 50% of\\r\\nit::",
        "workflows/b.yaml:3:5: $.spec: Unknown key 'a'.",
        "workflows/c.yaml:1:1: $: Too large.",
    ]


def test_github_annotations_are_escaped() -> None:
    assert report.render(PROBLEMS, "github").splitlines() == [
        "::warning file=workflows/a b%2Cc%3Aü%25.yaml,line=1,col=2,title=Pasted::$: 50%25 of%0D%0Ait::",
        "::error file=workflows/b.yaml,line=3,col=5,title=UnknownKey::$.spec: Unknown key 'a'.",
        "::error file=workflows/c.yaml,line=1,col=1,title=FileTooLarge::$: Too large.",
    ]


def test_json_has_every_field() -> None:
    assert json.loads(report.render(PROBLEMS[:1], "json")) == {
        "problems": [
            {
                "path": "workflows/b.yaml",
                "line": 3,
                "column": 5,
                "where": "$.spec",
                "code": "UnknownKey",
                "message": "Unknown key 'a'.",
                "severity": "error",
            }
        ]
    }


def test_sarif_is_what_code_scanning_reads() -> None:
    log = json.loads(report.render(PROBLEMS, "sarif"))

    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run = log["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["FileTooLarge", "Pasted", "UnknownKey"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 2, 0]
    assert run["results"][0] == {
        "ruleId": "Pasted",
        "ruleIndex": 1,
        "level": "warning",
        "message": {"text": "$: 50% of\\r\\nit::"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "workflows/a%20b%2Cc%3A%C3%BC%25.yaml"},
                    "region": {"startLine": 1, "startColumn": 2},
                },
                "logicalLocations": [{"fullyQualifiedName": "$"}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("form", "text"), [("text", ""), ("github", ""), ("json", '{\n  "problems": []\n}\n')]
)
def test_nothing_wrong_is_nothing_said(form: str, text: str) -> None:
    assert report.render([], form) == text


def test_the_place_of_a_file_is_given_when_it_is_known() -> None:
    verdict = check_text(b"a: 1\n").at("workflows/a.yaml")

    assert {problem.path for problem in verdict.problems} == {"workflows/a.yaml"}
