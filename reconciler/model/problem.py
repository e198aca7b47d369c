"""What is wrong in a definition, with its place: a value that is collected, never raised."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error keeps the workflow from running; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in one file.

    `line` and `column` count from 1, and the file as a whole is 1:1; `where` is the path inside the
    document, such as `$.spec.steps.train.needs[0]`; `code` is a CamelCase constant for machines;
    `message` a sentence that says what is wrong and what was probably meant.
    """

    path: str
    line: int
    column: int
    where: str
    code: str
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        label = "warning: " if self.severity is Severity.WARNING else ""
        return f"{self.path}:{self.line}:{self.column}: {self.where}: {label}{self.message}"
