"""Problems as SARIF 2.1.0, the format in which code-scanning services take the findings of a tool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.definition.words import clean
from reconciler.model.problem import Problem


def log(problems: Iterable[Problem]) -> dict[str, Any]:
    """The whole log: one run of one tool."""
    found = list(problems)
    rules = sorted({problem.code for problem in found})
    index = {code: number for number, code in enumerate(rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "reconciler",
                        "version": __version__,
                        "rules": [{"id": code, "name": code} for code in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, index[problem.code]) for problem in found],
            }
        ],
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    physical = {
        "artifactLocation": {"uri": quote(problem.path)},
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": clean(f"{problem.where}: {problem.message}")},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [{"fullyQualifiedName": clean(problem.where)}],
            }
        ],
    }
