"""From text to JSON values: one walk over libyaml's events, which cannot be made to crash or to hang.

PyYAML's loaders recurse in C (30 KB of `[` end the process), expand aliases without bound, build Python
objects and guess types as YAML 1.1 did. So only its event parser is used, and values are built here:
depth and expansion are limited before anything is built, and every other rule is a problem with a place.
After a syntax error, reading goes on at the next `---`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from reconciler.core.suggest import did_you_mean
from reconciler.definition import scalar
from reconciler.definition.aliases import MERGE_KEY, AliasRefused, Anchors, merge
from reconciler.definition.source import position
from reconciler.definition.words import clean, cut, kind, show
from reconciler.model.problem import Problem

MAX_DEPTH = 64
MAX_EVENTS = 1_000_000
MAX_DOCUMENTS = 1_000

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it; the same events from Python, slowly, where not."""

WATCHED = frozenset({"files", "paths"})
_NAME_LEVEL = 2
_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_UNPRINTABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(slots=True)
class Document:
    """One document of a file: its value, and what is wrong in its notation.

    `start` is the index in the text of the line that it begins on; `line` that line, from 1. Noted on the
    way, because a later look at the repository may need them: the place of the text under each key `name`
    of the second level, and of the texts in each list under WATCHED keys (by the identity of the list).
    """

    value: Any
    start: int
    line: int
    problems: list[Problem] = field(default_factory=list)
    name: tuple[int, int] | None = None
    lists: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """All documents of a text, and the problems that left no document behind."""

    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class _Stop(Exception):
    """The rest of the document cannot be read; carries a mark and the words of the problem."""

    def __init__(self, mark: Any, code: str, message: str) -> None:
        super().__init__(message)
        self.mark, self.code, self.message = mark, code, message


def read(text: str) -> Reading:
    """Every document of `text` that can be read, whatever stands before or after it."""
    reading = Reading()
    start: int | None = 0
    while start is not None:
        start = _read_from(text, start, reading)
    return reading


def _read_from(text: str, start: int, reading: Reading) -> int | None:
    """Read from `start` to the end or a syntax error; where to go on after one."""
    line = text.count("\n", 0, start)
    builder = _Builder(text[start:], start, line)
    try:
        builder.run()
    except _Stop as stop:
        problem = builder.problem(stop.mark, stop.code, stop.message)
    except (
        Exception
    ) as error:  # the parser raises more kinds than it documents, and none may stop other files
        problem = _syntax_problem(error, text, start, line)
    else:
        reading.documents += builder.finished
        return None
    # a document whose end cannot be told is no document
    reading.documents += (document for document in builder.finished if document.start < builder.reached)
    reading.problems.append(problem)
    if len(reading.documents) + len(reading.problems) >= MAX_DOCUMENTS:
        return None
    end_of_line = text.find("\n", builder.reached)
    following = _MARKER.search(text, end_of_line + 1) if end_of_line >= 0 else None
    return following.start() if following else None


class _Builder:
    """Builds the values of the documents in one stretch of text, event by event.

    A container is put where it belongs as soon as it opens; `_node` is the one at hand and `_key`, in a
    mapping, the key that waits for its value.
    """

    def __init__(self, text: str, start: int, line: int) -> None:
        self.finished: list[Document] = []
        self.reached = start
        self._text, self._start, self._line = text, start, line
        self._document = Document(None, start, line + 1)
        self._anchors = Anchors(MAX_DEPTH)
        self._merge_marks: list[Any] = []
        self._stack: list[tuple[Any, str | None]] = []
        self._node: Any = []
        self._key: str | None = None
        self._watched: list[Any] | None = None

    def run(self) -> None:
        """Take every event. Raises _Stop, or whatever the parser raises."""
        take = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open_mapping,
            yaml.MappingEndEvent: self._close_mapping,
            yaml.SequenceStartEvent: self._open_sequence,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._open_document,
            yaml.DocumentEndEvent: self._close_document,
        }
        loader = Loader(self._text)
        try:
            next_event = loader.get_event
            next_event()  # the start of the stream
            for _ in range(MAX_EVENTS):
                event = next_event()
                kind_of_event = type(event)
                if kind_of_event is yaml.StreamEndEvent:
                    return
                take[kind_of_event](event)
        finally:
            loader.dispose()
        raise _Stop(event.start_mark, "TooManyValues", f"The file has more than {MAX_EVENTS} values.")

    def problem(self, mark: Any, code: str, message: str) -> Problem:
        return Problem("", mark.line + self._line + 1, mark.column + 1, "$", code, message)

    def _note(self, event: Any, code: str, message: str) -> None:
        self._document.problems.append(self.problem(event.start_mark, code, message))

    def _open_document(self, event: Any) -> None:
        mark = event.start_mark
        if len(self.finished) >= MAX_DOCUMENTS:
            raise _Stop(mark, "TooManyDocuments", f"The file has more than {MAX_DOCUMENTS} documents.")
        self.reached = self._start + mark.index - mark.column
        self._document = Document(None, self.reached, self._line + mark.line + 1)
        self._anchors = Anchors(MAX_DEPTH)
        self._node = []

    def _close_document(self, event: Any) -> None:
        self._document.value = self._node[0]
        self.finished.append(self._document)

    def _scalar(self, event: Any) -> None:
        value = event.value
        if event.implicit[0]:
            if not value or value[0] in scalar.SPECIAL:
                value = self._resolved(event)
        elif event.style == '"' and _UNPRINTABLE.search(value):
            self._note(event, "HiddenCharacter", "A NUL character cannot be given to a program.")
        if event.tag is not None or event.anchor is not None:
            self._mark(event, value)
        node = self._node
        if type(node) is list:
            node.append(value)
            if self._watched is node:
                self._document.lists[id(node)].append(self._place(event))
        elif self._key is None:
            self._take_key(event, value)
        else:
            node[self._key] = value
            if self._key == "name" and len(self._stack) == _NAME_LEVEL:
                self._document.name = self._place(event)
            self._key = None

    def _place(self, event: Any) -> tuple[int, int]:
        mark = event.start_mark
        return mark.line + self._line + 1, mark.column + 1

    def _resolved(self, event: Any) -> Any:
        try:
            return scalar.resolve(event.value)
        except scalar.NotRepresentable as error:
            self._note(event, "NumberRefused", str(error))
            return 0

    def _mark(self, event: Any, value: Any) -> None:
        """Refuse a tag, remember an anchor."""
        if event.tag is not None:
            shown = show(event.tag.replace("tag:yaml.org,2002:", "!!"))
            self._note(event, "TagRefused", f"The tag {shown} means nothing here. Write a plain value.")
        if event.anchor is not None:
            self._anchors.define(event.anchor, value)

    def _take_key(self, event: Any, key: Any) -> None:
        if not isinstance(key, str):
            self._note(
                event, "KeyNotText", f"A key must be text. Write {clean(cut(event.value)) or 'it'} in quotes."
            )
            key = event.value
        if key == "<<" and event.implicit[0]:
            key = MERGE_KEY
            self._merge_marks.append(event)
        if key in self._node:
            self._note(event, "DuplicateKey", f"The key {show(event.value)} stands here a second time.")
            if key == MERGE_KEY:
                self._merge_marks.pop()
        self._key = key

    def _open_mapping(self, event: Any) -> None:
        self._open(event, {})

    def _open_sequence(self, event: Any) -> None:
        container: list[Any] = []
        if self._key in WATCHED:
            self._watched = container
            self._document.lists[id(container)] = []
        self._open(event, container)

    def _open(self, event: Any, container: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _Stop(event.start_mark, "TooDeep", f"Values are nested deeper than {MAX_DEPTH} levels.")
        if event.tag is not None or event.anchor is not None:
            self._mark(event, container)
        self._put(event, container)
        self._stack.append((self._node, self._key))
        self._node, self._key = container, None

    def _close(self, event: Any) -> None:
        self._node, self._key = self._stack.pop()

    def _close_mapping(self, event: Any) -> None:
        if MERGE_KEY in self._node:
            marked = self._merge_marks.pop()
            if wrong := merge(self._node):
                self._note(marked, "MergeInvalid", wrong)
        self._close(event)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name not in self._anchors:
            hint = did_you_mean(name, self._anchors.names())
            self._note(
                event, "UnknownAlias", f"No anchor '&{clean(cut(name))}' stands before this alias.{hint}"
            )
            self._put(event, None)
            return
        try:
            value = self._anchors.expand(name, self._around())
        except AliasRefused as error:
            raise _Stop(event.start_mark, "AliasRefused", str(error)) from None
        self._put(event, value)

    def _around(self) -> Iterable[Any]:
        return [*(node for node, _ in self._stack[1:]), self._node] if self._stack else []

    def _put(self, event: Any, value: Any) -> None:
        """Give `value` its place in the container at hand."""
        if type(self._node) is list:
            self._node.append(value)
        elif self._key is None:
            what = "an alias" if type(event) is yaml.AliasEvent else kind(value)
            raise _Stop(event.start_mark, "KeyNotText", f"A key must be text, not {what}.")
        else:
            self._node[self._key] = value
            self._key = None


def _syntax_problem(error: Exception, text: str, start: int, line: int) -> Problem:
    """What the parser could not read, in its words."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        index = getattr(error, "position", None)
        at = position(text, min(start + index, len(text))) if isinstance(index, int) else (line + 1, 1)
        return Problem("", *at, "$", "NotYaml", f"This is not valid YAML: {clean(cut(str(error), 200))}.")
    words = [str(part) for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part]
    message = f"This is not valid YAML: {clean(', '.join(words))}.{_advice(text, start + mark.index)}"
    return Problem("", mark.line + line + 1, mark.column + 1, "$", "NotYaml", message)


def _advice(text: str, index: int) -> str:
    """What is most often behind a syntax error at this place."""
    begin = text.rfind("\n", 0, index) + 1
    line = text[begin : text.find("\n", index) if "\n" in text[index:] else len(text)]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return " Indent with spaces, not with tabs."
    if "${{" in line:
        return " Inside of [...] or {...}, and with ': ' or ' #' in it, an expression must stand in quotes."
    return ""
