"""What was found in the bytes of one file, wherever that file stands: kept by content between passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from reconciler.model.problem import Problem, Severity

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Checked:
    """A document without errors, its workflow's name, and the line that it begins on.

    `places` has line and column of what only the whole repository can prove wrong: `$.metadata.name`,
    `$.spec.steps.train.files[0]`.
    """

    document: Mapping[str, Any]
    name: str
    line: int
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def place(self, where: str) -> tuple[int, int]:
        """Line and column of a value; of the document, if it was not noted."""
        return self.places.get(where, (self.line, 1))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The sound documents of a file and everything wrong in it; the problems' path is empty until `at`."""

    documents: tuple[Checked, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def at(self, path: str) -> Verdict:
        """The same, for the file at `path`."""
        return replace(self, problems=tuple(replace(problem, path=path) for problem in self.problems))

    def to_json(self) -> str:
        return _dumps(
            {
                "documents": [[each.document, each.name, each.line, each.places] for each in self.documents],
                "problems": [asdict(problem) for problem in self.problems],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        value = json.loads(text)
        return cls(
            tuple(_checked(*checked) for checked in value["documents"]),
            tuple(Problem(**{**each, "severity": Severity(each["severity"])}) for each in value["problems"]),
        )


def _checked(document: Mapping[str, Any], name: str, line: int, places: Mapping[str, list[int]]) -> Checked:
    return Checked(document, name, line, {where: (line, column) for where, (line, column) in places.items()})
