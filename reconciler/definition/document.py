"""From text to JSON values: one walk over libyaml's events, which cannot be made to crash or to hang.

PyYAML's loaders recurse in C (30 KB of `[` end the process), expand aliases without bound, build Python
objects and guess types as YAML 1.1 did. So only its event parser is used, and `builder` makes the values:
depth and expansion are limited before anything is built, and every other rule is a problem with a place.
After a syntax error, reading goes on at the next `---`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reconciler.definition.builder import MAX_DOCUMENTS, Builder, Document, Stop
from reconciler.definition.source import position
from reconciler.definition.words import clean, cut
from reconciler.model.problem import Problem

_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)


@dataclass(slots=True)
class Reading:
    """All documents of a text, and the problems that left no document behind."""

    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(text: str) -> Reading:
    """Every document of `text` that can be read, whatever stands before or after it."""
    reading = Reading()
    start: int | None = 0
    while start is not None:
        start = _read_from(text, start, reading)
    return reading


def _read_from(text: str, start: int, reading: Reading) -> int | None:
    """Read from `start` to the end or to a syntax error; where to go on after one."""
    line = text.count("\n", 0, start)
    builder = Builder(text[start:], start, line)
    try:
        builder.run()
    except Stop as stop:
        problem = builder.problem(stop.event, stop.code, stop.message)
    except Exception as error:  # the parser raises more kinds than it documents; none may stop other files
        problem = _syntax_problem(error, text, start)
    else:
        reading.documents += builder.finished
        return None
    broken = builder.document  # even if it was finished: where it ends cannot be told
    reading.documents += (document for document in builder.finished if document is not broken)
    reading.problems += [*broken.problems, problem]
    if len(reading.documents) + len(reading.problems) >= MAX_DOCUMENTS:
        return None
    end_of_line = text.find("\n", broken.start)
    following = _MARKER.search(text, end_of_line + 1) if end_of_line >= 0 else None
    return following.start() if following else None


def _syntax_problem(error: Exception, text: str, start: int) -> Problem:
    """What the parser could not read, in its words."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    index = getattr(error, "position", 0) if mark is None else mark.index
    index = min(
        start + index, len(text)
    )  # the end of the text is one line too far down in the parser's own count
    words = [str(part) for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part]
    said = clean(cut(", ".join(words) or str(error), 200))
    message = f"This is not valid YAML: {said}.{_advice(text, index)}"
    return Problem("", *position(text, index), "$", "NotYaml", message)


def _advice(text: str, index: int) -> str:
    """What is most often behind a syntax error at this place."""
    begin = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    line = text[begin : end if end >= 0 else len(text)]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return " Indent with spaces, not with tabs."
    if "${{" in line:
        return " Inside of [...] or {...}, and with ': ' or ' #' in it, an expression must stand in quotes."
    return ""
