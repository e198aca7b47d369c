"""Objects of the cluster that stand for steps: what of them is the engine's, and their conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core import observed
from reconciler.core.expressions import ExpressionFailed
from reconciler.core.suggest import did_you_mean
from reconciler.definition import template
from reconciler.definition.checks.pods import reserved
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, clean, cut, kind, show

_METADATA = ("name", "labels", "annotations")
_OURS = " The engine sets all metadata but name, labels and annotations."


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about every `manifest`."""
    for name, step in subject.steps.items():
        if "manifest" in step:
            path: Path = ("spec", "steps", name, "manifest")
            yield from _object((*path, "object"), step["manifest"]["object"])
            for key in ("success", "failure"):
                if key in step["manifest"]:
                    yield from _condition((*path, key), step["manifest"][key])


def _object(path: Path, given: Mapping[str, Any]) -> Iterator[Finding]:
    for key in ("apiVersion", "kind"):
        if not isinstance(given[key], str) or not given[key] or template.OPENING in given[key]:
            message = f"Must be plain text, and this is {show(given[key])}."
            yield Finding((*path, key), "WrongType", message)
    if "status" in given:
        message = "The status is what the cluster says of the object. It cannot be given."
        yield Finding((*path, "status"), "NotAllowed", message, at_key=True)
    metadata = given.get("metadata", {})
    if not isinstance(metadata, Mapping):
        yield Finding((*path, "metadata"), "WrongType", f"Must be a mapping, and this is {kind(metadata)}.")
        return
    yield from _metadata((*path, "metadata"), metadata)


def _metadata(path: Path, metadata: Mapping[str, Any]) -> Iterator[Finding]:
    for key in metadata:
        if key not in _METADATA:
            message = f"{show(key)} cannot be given.{did_you_mean(key, _METADATA) or _OURS}"
            yield Finding((*path, key), "NotAllowed", message, at_key=True)
    for key in ("labels", "annotations"):
        if isinstance(metadata.get(key), Mapping):
            yield from reserved((*path, key), metadata[key])


def _condition(path: Path, text: str) -> Iterator[Finding]:
    try:
        embedded = template.find_condition(text)
    except ExpressionFailed as failed:
        yield Finding(path, "ExpressionOpen", clean(failed.message), text=text, offset=failed.offset)
        return
    for problem in observed.problems(embedded.source):
        offset = max(0, embedded.inside + problem.offset)
        yield Finding(path, problem.code, clean(cut(problem.message, 300)), text=text, offset=offset)
