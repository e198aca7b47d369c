"""The schema as a gate: fast for what is valid, thorough for what is not.

Nearly every document is valid, and `jsonschema_rs` says so in microseconds. Only the others are given to
`jsonschema`, whose errors can be taken apart into words for people (in `explain`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler import __version__, share
from reconciler.definition.words import Path

if TYPE_CHECKING:
    import jsonschema

CHECKER = 1
"""Counts up when a check changes, so that remembered verdicts are given anew."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One difference: `rule` is the keyword, `wanted` its value; for a key that breaks the rule of names,
    `instance` is the key and `path` that of its mapping."""

    rule: str
    wanted: Any
    instance: Any
    path: Path
    schema: Any
    is_name: bool
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


def unexplained(document: Any) -> SchemaError:
    """What the gate has against a document in which `errors` finds nothing."""
    error = next(iter(_gate("").iter_errors(document)), None)
    message = "" if error is None else error.message
    return SchemaError("unexplained", None, None, (), {}, False, message)


def errors(document: Any) -> Iterator[SchemaError]:
    """Everything in which the document differs from the schema."""
    for error in _explainer().iter_errors(document):
        yield SchemaError(
            rule=error.validator,
            wanted=error.validator_value,
            instance=error.instance,
            path=tuple(error.absolute_path),
            schema=error.schema,
            is_name="propertyNames" in error.absolute_schema_path,
            message=error.message,
        )


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


@cache
def _explainer() -> Any:
    import jsonschema  # 85 ms, only for documents that are wrong

    extend: Any = jsonschema.validators.extend
    return extend(jsonschema.Draft202012Validator, {"pattern": _pattern})(_schema())


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """Python's `$` also matches before a last line end; the schema's means the end."""
    from jsonschema import ValidationError

    strict = pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(strict, instance):
        yield ValidationError(f"does not match {pattern}")
