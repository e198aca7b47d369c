"""What the schema cannot say: names that are used but not declared, order, paths, values, expressions.

Each module has one `check`, from a document that fits the schema to findings; all of them are asked, so
that everything is reported together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.definition.checks import (
    limits,
    manifests,
    order,
    parameters,
    paths,
    pods,
    references,
    resources,
    scripts,
    secrets,
    templates,
    triggers,
)
from reconciler.definition.checks.doubt import Doubt
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding

_CHECKS = (
    triggers.check,
    parameters.check,
    limits.check,
    references.check,
    order.check,
    paths.check,
    scripts.check,
    templates.check,
    secrets.check,
    resources.check,
    pods.check,
    manifests.check,
)


def check(document: Mapping[str, Any], doubt: Doubt | None = None) -> Iterator[Finding]:
    """Everything wrong with a document that fits the schema."""
    subject = Subject(document, doubt or Doubt())
    for each in _CHECKS:
        yield from each(subject)
