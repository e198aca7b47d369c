"""From libyaml's events to JSON values, with every limit and rule of notation applied on the way.

Written for speed where it is run for every scalar of 10,000 files: local names, one dictionary look-up per
event, and nothing that only a rare file needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import yaml

from reconciler.core.suggest import did_you_mean
from reconciler.definition import scalar
from reconciler.definition.aliases import MERGE_KEY, AliasRefused, Anchors, merge
from reconciler.definition.words import clean, cut, kind, show
from reconciler.model.problem import Problem

MAX_DEPTH = 64
MAX_EVENTS = 1_000_000
MAX_DOCUMENTS = 1_000
MAX_PROBLEMS = 300
"""Problems that one file can have; beyond that, one more says that there are others."""

WATCHED = frozenset({"files", "paths"})
_NAME_LEVEL = 2

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it; the same events from Python, slowly, where not."""


@dataclass(slots=True)
class Document:
    """One document of a file: its value, and what is wrong in its notation.

    `start` is the index in the text of the line that it begins on; `line` that line, from 1. Noted on the
    way, because a later look at the repository may need them: the place of the text under the key `name`
    of the second level, and of the texts in each list under a WATCHED key (by the identity of the list).
    """

    value: Any
    start: int
    line: int
    problems: list[Problem] = field(default_factory=list)
    name: tuple[int, int] | None = None
    lists: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


class Stop(Exception):
    """The rest of the document cannot be read; carries an event and the words of the problem."""

    def __init__(self, event: Any, code: str, message: str) -> None:
        super().__init__(message)
        self.event, self.code, self.message = event, code, message


class Builder:
    """Builds the documents in one stretch of text, which begins at index `start`, after `line` lines.

    A container is put where it belongs as soon as it opens; `_node` is the one at hand and `_key`, in a
    mapping, the key that waits for its value. `document` is the one that was begun last.
    """

    def __init__(self, text: str, start: int, line: int) -> None:
        self.finished: list[Document] = []
        self._text, self._start, self._line = text, start, line
        self.document = Document(None, start, line + 1)
        self._anchors = Anchors(MAX_DEPTH)
        self._merging: list[Any] = []  # the events of the `<<` of the mappings that are open
        self._stack: list[Any] = []
        self._node: Any = []
        self._key: str | None = None
        self._watched: list[Any] | None = None

    def run(self) -> None:
        """Take every event. Raises Stop, or whatever the parser raises."""
        take: dict[type, Any] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open_mapping,
            yaml.MappingEndEvent: self._close_mapping,
            yaml.SequenceStartEvent: self._open_sequence,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._open_document,
            yaml.DocumentEndEvent: self._close_document,
            yaml.StreamStartEvent: _ignore,
            yaml.StreamEndEvent: _ignore,
        }
        loader = Loader(self._text)
        try:
            events = iter(loader.get_event, None)
            for event in islice(events, MAX_EVENTS):
                take[type(event)](event)
            for event in events:
                raise Stop(event, "TooManyValues", f"The file has more than {MAX_EVENTS} values.")
        finally:
            loader.dispose()

    def problem(self, event: Any, code: str, message: str) -> Problem:
        """A problem at the place where the event was read."""
        return Problem("", *self._place(event), "$", code, message)

    def _note(self, event: Any, code: str, message: str) -> None:
        self.document.problems.append(self.problem(event, code, message))
        if len(self.document.problems) >= MAX_PROBLEMS:
            raise Stop(event, "TooManyProblems", "The rest of the document was not looked at.")

    def _place(self, event: Any) -> tuple[int, int]:
        mark = event.start_mark
        return mark.line + self._line + 1, mark.column + 1

    def _open_document(self, event: Any) -> None:
        if len(self.finished) >= MAX_DOCUMENTS:
            raise Stop(event, "TooManyDocuments", f"The file has more than {MAX_DOCUMENTS} documents.")
        mark = event.start_mark
        start = self._start + mark.index - mark.column
        self.document = Document(None, start, self._line + mark.line + 1)
        self._anchors = Anchors(MAX_DEPTH)
        self._node = []

    def _close_document(self, event: Any) -> None:
        self.document.value = self._node[0]
        self.finished.append(self.document)

    def _scalar(self, event: Any) -> None:
        value = event.value
        if not event.style:
            if not value or value[0] in scalar.SPECIAL:
                value = self._resolved(event)
        elif "\0" in value:
            self._note(event, "HiddenCharacter", "A NUL character cannot be given to a program.")
        if event.tag is not None or event.anchor is not None:
            self._mark(event, value)
        node, key = self._node, self._key
        if type(node) is list:
            node.append(value)
            if node is self._watched:
                self.document.lists[id(node)].append(self._place(event))
        elif key is None:
            if value == "<<" or type(value) is not str or value in node:
                value = self._odd_key(event, value)
            self._key = value
        else:
            node[key] = value
            self._key = None
            if key == "name" and len(self._stack) == _NAME_LEVEL:
                self.document.name = self._place(event)

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

    def _odd_key(self, event: Any, value: Any) -> str:
        """The key to use where it is no text, merges, or stands in the mapping already."""
        key = event.value
        if not isinstance(value, str):
            shown = f"it as {show(key)}" if key else "it in quotes"
            self._note(event, "KeyNotText", f"A key must be text. Write {shown}.")
        if key == "<<" and not event.style:
            key = MERGE_KEY
        if key in self._node:
            self._note(event, "DuplicateKey", f"The key {show(event.value)} stands here a second time.")
        elif key == MERGE_KEY:
            self._merging.append(event)
        return str(key)

    def _open_mapping(self, event: Any) -> None:
        self._open(event, {})

    def _open_sequence(self, event: Any) -> None:
        container: list[Any] = []
        if self._key in WATCHED:
            self._watched = container
            self.document.lists[id(container)] = []
        self._open(event, container)

    def _open(self, event: Any, container: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise Stop(event, "TooDeep", f"Values are nested deeper than {MAX_DEPTH} levels.")
        if event.tag is not None or event.anchor is not None:
            self._mark(event, container)
        self._put(event, container)
        self._stack.append(self._node)
        self._node = container

    def _close(self, event: Any) -> None:
        self._node = self._stack.pop()

    def _close_mapping(self, event: Any) -> None:
        if MERGE_KEY in self._node:
            marked = self._merging.pop()
            if wrong := merge(self._node):
                self._note(marked, "MergeInvalid", wrong)
        self._node = self._stack.pop()

    def _alias(self, event: Any) -> None:
        name = event.anchor
        value = None
        if name in self._anchors:
            try:
                value = self._anchors.expand(name, [*self._stack, self._node])
            except AliasRefused as error:
                raise Stop(event, "AliasRefused", str(error)) from None
        else:
            hint = did_you_mean(name, self._anchors.names())
            message = f"No anchor '&{clean(cut(name))}' stands before this alias.{hint}"
            self._note(event, "UnknownAlias", message)
        self._put(event, value)

    def _put(self, event: Any, value: Any) -> None:
        """Give `value` its place in the container at hand."""
        if type(self._node) is list:
            self._node.append(value)
        elif self._key is None:
            what = "an alias" if type(event) is yaml.AliasEvent else kind(value)
            raise Stop(event, "KeyNotText", f"A key must be text, not {what}.")
        else:
            self._node[self._key] = value
            self._key = None


def _ignore(event: Any) -> None:
    """The beginning and the end of the stream say nothing."""
