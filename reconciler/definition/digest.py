"""The identity of what a workflow does: same digest, same work.

Counted are the steps with everything that shapes them, and the files that they take along. Not counted
is what only says when to run or what people call it: `description`, `labels`, `on`, `suspend`. So a
new schedule or a better sentence starts nothing; the files that `on.paths` matches do count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.model.workflow import SourceFile

_NOT_COUNTED = frozenset({"on", "suspend"})
_SHORT = 12
_dumps = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def canonical(document: Mapping[str, Any]) -> str:
    """What counts of a document, as JSON in one form: keys sorted, no white space, defaults not filled in."""
    return _dumps(_counted(document))


def digest(document: Mapping[str, Any], files: Iterable[SourceFile]) -> str:
    """`sha256:<64 hex>` over what counts of the document and over the content of the files."""
    listed = sorted({(file.path, file.blob, file.executable) for file in files})
    return f"sha256:{hashlib.sha256(_dumps([_counted(document), listed]).encode()).hexdigest()}"


def parts(document: Mapping[str, Any], files: Iterable[SourceFile]) -> dict[str, str]:
    """The digest's ingredients by name, so that a later one can be compared: see `changes`."""
    found = {key: _short(value) for key, value in _fields(_counted(document)["spec"])}
    for file in sorted(files, key=lambda file: file.path):
        found[f"file:{file.path}"] = f"{file.blob}+x" if file.executable else file.blob
    return found


def _counted(document: Mapping[str, Any]) -> dict[str, Any]:
    spec = {key: value for key, value in document["spec"].items() if key not in _NOT_COUNTED}
    if "parameters" in spec:
        spec["parameters"] = {name: _without_description(p) for name, p in spec["parameters"].items()}
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "name": document["metadata"]["name"],
        "spec": spec,
    }


def _without_description(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameter.items() if key != "description"}


def _fields(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`steps.train.command`, `parameters.epochs`, `defaults.image`, `timeout`: each with its value."""
    for key, value in spec.items():
        if key == "steps":
            for name, step in value.items():
                yield f"steps.{name}", None
                yield from ((f"steps.{name}.{field}", given) for field, given in _step_fields(step))
        elif isinstance(value, Mapping):
            yield from ((f"{key}.{name}", given) for name, given in value.items())
        else:
            yield key, value


def _step_fields(step: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of a step; those of `pod`, which are many, one by one."""
    for field, given in step.items():
        if field == "pod":
            yield from ((f"pod.{name}", setting) for name, setting in given.items())
        else:
            yield field, given


def _short(value: Any) -> str:
    return hashlib.sha256(_dumps(value).encode()).hexdigest()[:_SHORT]
