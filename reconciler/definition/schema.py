"""The schema as a gate: fast for what is valid, thorough for what is not.

Nearly every document is valid, and `jsonschema_rs` says so in microseconds. Only the others are given to
`jsonschema`, whose errors can be taken apart into words for people (in `explain`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler import __version__, share

if TYPE_CHECKING:
    import jsonschema

CHECKER = 1
"""Counts up when a check changes, so that remembered verdicts are given anew."""


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


def errors(document: Any) -> Iterator[jsonschema.ValidationError]:
    """Everything in which the document differs from the schema."""
    return iter(_explainer().iter_errors(document))


@cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads(share.schema_text())
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

    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
    return strict(_schema())


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """Python's `$` also matches before a last line end; the schema's means the end."""
    from jsonschema import ValidationError

    strict = pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(strict, instance):
        yield ValidationError(f"does not match {pattern}")
