"""Something wrong at a path inside of a document, before anyone has looked up where that was written."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.definition.place import Places
from reconciler.definition.words import Path, where
from reconciler.model.problem import Problem, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with the value at `path`, or with its key (`at_key`).

    With `text`, the value at `path` is that text and `offset` the place in it.
    """

    path: Path
    code: str
    message: str
    at_key: bool = False
    text: str | None = None
    offset: int = 0
    severity: Severity = Severity.ERROR

    def placed(self, places: Places) -> Problem:
        """The problem, at the line and column where it was written."""
        if self.text is not None:
            line, column = places.inside(self.path, self.text, self.offset)
        elif self.at_key:
            line, column = places.key(self.path)
        else:
            line, column = places.value(self.path)
        return Problem(
            "", line, column, where(places.written(self.path)), self.code, self.message, self.severity
        )
