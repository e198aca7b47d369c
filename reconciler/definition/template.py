"""Which texts of a step may hold expressions, and which steps those refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from reconciler.core import expressions
from reconciler.core.expressions import Embedded, ExpressionFailed, Reference
from reconciler.definition.words import Path

OPENING = "${{"
_SHORT = 1000
_CLUSTER = frozenset({"resources", "pod", "manifest"})

Text = tuple[Path, str]


def texts(step: Mapping[str, Any]) -> Iterator[Text]:
    """Every text of a step (or of `defaults`) that holds expressions, and its path there; but for `when`."""
    for key in ("image", "script"):
        if key in step and OPENING in step[key]:
            yield (key,), step[key]
    for key in ("command", "args"):
        for index, word in enumerate(step.get(key, ())):
            if OPENING in word:
                yield (key, index), word
    for name, value in step.get("env", {}).items():
        if OPENING in value:
            yield ("env", name), value
    if "inputs" in step:
        yield from inside(step["inputs"].get("parameters", {}), ("inputs", "parameters"))
    if not _CLUSTER.isdisjoint(step):
        yield from _for_the_cluster(step)


def _for_the_cluster(step: Mapping[str, Any]) -> Iterator[Text]:
    for key in ("resources", "pod"):
        if key in step:
            yield from inside(step[key], (key,))
    if "manifest" in step:
        yield from inside(step["manifest"]["object"], ("manifest", "object"))


def inside(value: Any, path: Path) -> Iterator[Text]:
    """Every text with an expression in a value, however deep."""
    if isinstance(value, str):
        if OPENING in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from inside(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from inside(item, (*path, index))


def find(text: str) -> tuple[Embedded, ...]:
    """The expressions of a text, remembered for short ones: checks, order and parsing all ask. May raise."""
    return _find(text) if len(text) <= _SHORT else expressions.find(text)


@lru_cache(maxsize=4096)
def _find(text: str) -> tuple[Embedded, ...]:
    return expressions.find(text)


@lru_cache(maxsize=4096)
def references(source: str) -> tuple[Reference, ...]:
    """What an expression refers to."""
    return expressions.references(source)


@lru_cache(maxsize=4096)
def find_condition(text: str) -> Embedded:
    """The expression that a whole field is. May raise."""
    return expressions.condition(text)


def condition(step: Mapping[str, Any]) -> str | None:
    """The text of `when`; YAML's own true and false are conditions too."""
    when = step.get("when")
    return str(when).lower() if isinstance(when, bool) else when


def depends_on(step: Mapping[str, Any], found: Iterable[Text]) -> set[str]:
    """The steps that a step waits for: by `needs`, by inputs, and by the expressions of the texts `found`."""
    needed = set(step.get("needs", ()))
    for inputs in step.get("inputs", {}).values():
        for given in inputs.values():
            if isinstance(given, Mapping) and "from" in given:
                needed.add(given["from"].partition("/")[0])
    for embedded in _expressions(step, found):
        for reference in references(embedded.source):
            if reference.root == "steps":
                needed.add(reference.path[0])
    return needed


def _expressions(step: Mapping[str, Any], found: Iterable[Text]) -> Iterator[Embedded]:
    for _, text in found:
        try:
            yield from find(text)
        except ExpressionFailed:
            continue  # a problem tells of it; nothing is rendered
    if "when" in step:
        try:
            yield find_condition(condition(step) or "")
        except ExpressionFailed:
            return
