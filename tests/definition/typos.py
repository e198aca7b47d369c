"""Every key of a definition that the schema knows, and every way to mistype it with one slip.

Counted are the keys that stand under `properties` in the schema at their place, wherever they are written:
block or flow style, in anchored and merged mappings, in each document of a file. Not counted are names
that the author chooses (steps, parameters, artifacts, labels, variables: a typo there makes another name,
and is found where the old one is referred to), and keys inside of free values (`default`, `value`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler.share import schema_text

_SCHEMA: dict[str, Any] = json.loads(schema_text())


@dataclass(frozen=True)
class Key:
    """A key as written: its text, where it begins in the file, and its line (from 1)."""

    text: str
    start: int
    line: int


def schema_keys(text: str) -> list[Key]:
    """All keys of `text` that the schema knows."""
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    return [
        key
        for event in events
        if isinstance(event, yaml.DocumentStartEvent)
        for key in _value(next(events), events, _SCHEMA)
    ]


def _value(event: Any, events: Any, schema: Any) -> Iterator[Key]:
    """The keys of the value that begins with `event`; takes its events."""
    schema = _resolved(schema)
    if isinstance(event, yaml.SequenceStartEvent):
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            yield from _value(
                event, events, schema.get("items", schema)
            )  # `<<: [*a, {...}]` merges into the same schema
    elif isinstance(event, yaml.MappingStartEvent):
        while not isinstance(name := next(events), yaml.MappingEndEvent):
            known = schema.get("properties", {})
            if name.value in known:
                yield Key(name.value, name.start_mark.index, name.start_mark.line + 1)
            inner = (
                schema if name.value == "<<" else known.get(name.value, schema.get("additionalProperties"))
            )
            yield from _value(next(events), events, inner)


def _resolved(schema: Any) -> dict[str, Any]:
    """The part of the schema that says which keys a mapping has."""
    if not isinstance(schema, dict):
        return {}
    if "then" in schema:  # a choice: keys of the one or of the other, which agree on those of both
        one, other = _resolved(schema["then"]), _resolved(schema["else"])
        return {**one, **other, "properties": {**one.get("properties", {}), **other.get("properties", {})}}
    if "$ref" in schema:
        return _resolved(_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    return schema


def typos(key: str) -> list[str]:
    """`key` with one letter left out, doubled, swapped with the next, or replaced by another."""
    found: dict[str, None] = {}
    for at, letter in enumerate(key):
        before, after = key[:at], key[at + 1 :]
        other = "a" if letter in "zZ" else chr(ord(letter) + 1)
        for typo in (before + after, before + letter * 2 + after, before + other + after):
            found[typo] = None
        if after:
            found[before + after[0] + letter + after[1:]] = None
    found.pop(key, None)
    return list(found)
