"""The schema, asked two questions: whether a document fits it, and where it does not.

Both answers come from one validator, so what the gate refuses is also what gets explained. Its errors name
the rule and the value by their paths; both are looked up here, so that `explain` and `wording` can take
them apart into words for people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler import __version__, share
from reconciler.definition.words import Path

CHECKER = 1
"""Counts up when a check changes, so that remembered verdicts are given anew."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One difference: `rule` is the keyword, `wanted` its value, `missing` the key that should be there;
    for a key that breaks the rule of names, `instance` is the key and `path` that of its mapping."""

    rule: str
    wanted: Any
    instance: Any
    path: Path
    schema: Any
    is_name: bool
    missing: str
    message: str


@cache
def schema_digest() -> str:
    """Stands for all rules that a verdict depends on."""
    rules = f"{__version__}\0{CHECKER}\0{share.schema_text()}"
    return hashlib.sha256(rules.encode()).hexdigest()


def is_valid(document: Any) -> bool:
    """Whether the document has the shape of a workflow."""
    return bool(_gate("").is_valid(document))


def is_valid_step(step: Any) -> bool:
    """Whether the value has the shape of a step."""
    return bool(_gate("#/$defs/step").is_valid(step))


def is_valid_name(name: str) -> bool:
    """Whether a workflow or a step may be called so."""
    return bool(_gate("#/$defs/name").is_valid(name))


def is_key_of_command(key: str) -> bool:
    """Whether steps with a command, and those without a manifest in general, may have the key."""
    return key in _schema()["$defs"]["commandStep"]["properties"]


def max_steps() -> int:
    """The most steps that a workflow may have."""
    return int(_schema()["$defs"]["spec"]["properties"]["steps"]["maxProperties"])


def errors(document: Any) -> Iterator[SchemaError]:
    """Everything in which the document differs from the schema."""
    return (_error(document, error) for error in _gate("").iter_errors(document))


def _error(document: Any, error: Any) -> SchemaError:
    path, rule = tuple(error.instance_path), error.schema_path
    part = _at(_schema(), rule[:-1])
    is_name = error.kind.name == "propertyNames"
    return SchemaError(
        rule=rule[-1],
        wanted=part[rule[-1]],
        instance=error.kind.error.instance if is_name else _at(document, path),
        path=path,
        schema=part,
        is_name=is_name,
        missing=getattr(error.kind, "property", ""),
        message=error.message,
    )


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(share.schema_text())
    return schema


@cache
def _gate(pointer: str) -> Any:
    import jsonschema_rs  # 36 ms, which a pass that finds nothing new does not have

    schema = _schema()
    return jsonschema_rs.Draft202012Validator(
        {"$ref": pointer, "$defs": schema["$defs"]} if pointer else schema
    )
