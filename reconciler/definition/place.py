"""Where in the text a value was written: a second walk over the events, made only when a problem needs it.

It mirrors `document`: keys that `<<` merged in point to the place where they were written, an alias shares
the places of what it names, and an index into a text value (an expression in a block scalar, say) is
found again in the notation of that value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from reconciler.definition.builder import Loader
from reconciler.definition.words import Path

TEMPLATE = "${{"

Position = tuple[int, int]


@dataclass(slots=True)
class Node:
    """What was written for a value: begin and end in the text, and what is inside."""

    start: int = 0
    end: int = 0
    inside: dict[str | int, Entry] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """A value in its container: where its key begins (in a list: the value), where it does, and its name."""

    key: int
    value: int
    node: Node
    name: str | int = ""


class Places:
    """The places of one document."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start
        self._root = _read(text[start:])

    def value(self, path: Path) -> Position:
        """Where the value at `path` begins; for one that is not there, the nearest that is."""
        return self._position(self._entry(path)[0].value)

    def key(self, path: Path) -> Position:
        """Where the key of the value at `path` stands."""
        return self._position(self._entry(path)[0].key)

    def inside(self, path: Path, value: str, offset: int) -> Position:
        """Where the character at `offset` of the text `value` stands."""
        entry, is_exact = self._entry(path)
        if not is_exact:
            return self._position(entry.value)
        node = entry.node
        written = self._text[self._start + node.start : self._start + node.end]
        return self._position(node.start + _find(written, value, offset))

    def rename(self, path: Path, name: str) -> None:
        """Let the value at `path` also be found under the key `name`, as `repair` puts it."""
        container, is_exact = self._entry(path[:-1])
        if is_exact and path[-1] in container.node.inside:
            container.node.inside[name] = container.node.inside[path[-1]]

    def remove(self, path: Path) -> None:
        """Let the entries of a list move up, as they do when `explain` takes one out."""
        container, is_exact = self._entry(path[:-1])
        if is_exact and isinstance(path[-1], int):
            # by the name as written: a list that several aliases share loses it once
            kept = [entry for entry in container.node.inside.values() if entry.name != path[-1]]
            container.node.inside = dict(enumerate(kept))

    def written(self, path: Path) -> Path:
        """The path as it was written, where keys were put right and entries taken out."""
        entry, names = self._root, []
        for part in path:
            if part not in entry.node.inside:
                return path
            entry = entry.node.inside[part]
            names.append(entry.name)
        return tuple(names)

    def _entry(self, path: Path) -> tuple[Entry, bool]:
        entry = self._root
        for part in path:
            if part not in entry.node.inside:
                return entry, False
            entry = entry.node.inside[part]
        return entry, True

    def _position(self, index: int) -> Position:
        index += self._start
        line_start = self._text.rfind("\n", 0, index) + 1
        return self._text.count("\n", 0, index) + 1, index - line_start + 1


def _find(written: str, value: str, offset: int) -> int:
    """The index in `written` (with quotes, escapes, indentation, folding) of `value[offset]`.

    Counted from the template that it belongs to, over visible characters: those are the same in every
    notation, but for escapes within an expression.
    """
    opening = value.rfind(TEMPLATE, 0, offset + len(TEMPLATE))
    index = 0
    if opening >= 0:
        for _ in range(value.count(TEMPLATE, 0, opening) + 1):
            index = written.find(TEMPLATE, index) + 1
        if index == 0:
            return 0
        index -= 1
    else:
        opening = 0
    wanted = sum(not c.isspace() for c in value[opening:offset])
    while index < len(written) and (wanted or written[index].isspace()):
        wanted -= not written[index].isspace()
        index += 1
    return index


def _read(text: str) -> Entry:
    """The first document of `text`, which was read before without a syntax error."""
    root = Node()
    reader = _Reader(root)
    loader = Loader(text)
    try:
        for _ in range(3):
            event = loader.get_event()  # the starts of the stream and the document, and the root's first
        while type(event) is not yaml.DocumentEndEvent:
            reader.take(event)
            event = loader.get_event()
    finally:
        loader.dispose()
    return root.inside.get(0) or Entry(0, 0, root)


class _Reader:
    """Builds nodes as `document` builds values."""

    def __init__(self, root: Node) -> None:
        self._anchors: dict[str, Node] = {}
        self._stack: list[tuple[Node, bool]] = []
        self._node, self._is_list = root, True
        self._key: tuple[str, int] | None = None
        self._merging = False
        self._does: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
        }

    def take(self, event: Any) -> None:
        self._does[type(event)](event)

    def _scalar(self, event: Any) -> None:
        if not self._is_list and self._key is None:
            self._key = event.value, event.start_mark.index
            self._merging = event.value == "<<" and event.implicit[0]
            return
        self._put(event, self._new(event))

    def _new(self, event: Any) -> Node:
        node = Node(event.start_mark.index, event.end_mark.index)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> None:
        self._put(event, self._anchors.get(event.anchor) or Node())

    def _open(self, event: Any) -> None:
        node = self._new(event)
        self._put(event, node)
        self._stack.append((self._node, self._is_list))
        self._node, self._is_list = node, isinstance(event, yaml.SequenceStartEvent)
        self._key, self._merging = None, False

    def _close(self, event: Any) -> None:
        node = self._node
        for source in node.merged:
            # a list of mappings has its mappings under 0, 1, ...
            for each in [e.node for e in source.inside.values()] if 0 in source.inside else [source]:
                for key, entry in each.inside.items():
                    node.inside.setdefault(key, entry)
        self._node, self._is_list = self._stack.pop()
        self._key, self._merging = None, False

    def _put(self, event: Any, node: Node) -> None:
        """Give the node its place in the container at hand."""
        index = event.start_mark.index
        inside = self._node.inside
        if self._is_list:
            inside[len(inside)] = Entry(index, index, node, len(inside))
        elif self._key is not None:
            name, key_index = self._key
            if self._merging:
                self._node.merged.append(node)
            else:
                inside[name] = Entry(key_index, index, node, name)
            self._key = None
