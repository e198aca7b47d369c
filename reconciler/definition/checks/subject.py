"""A document under examination: what several checks ask of it is worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from reconciler.core.expressions import Scope
from reconciler.definition import template
from reconciler.definition.checks.doubt import Doubt


class Subject:
    """The `spec` of a document that fits the schema, and what must not be held against it."""

    def __init__(self, document: Mapping[str, Any], doubt: Doubt) -> None:
        self.spec: Mapping[str, Any] = document["spec"]
        self.steps: Mapping[str, Any] = self.spec["steps"]
        self.defaults: Mapping[str, Any] = self.spec.get("defaults", {})
        self.doubt = doubt

    @cached_property
    def default_texts(self) -> list[template.Text]:
        """The texts with expressions of `defaults`."""
        return list(template.texts(self.defaults))

    @cached_property
    def texts(self) -> Mapping[str, list[template.Text]]:
        """The texts with expressions of each step."""
        return {name: list(template.texts(step)) for name, step in self.steps.items()}

    @cached_property
    def scope(self) -> Scope:
        """What expressions may refer to, with the types that are known."""
        parameters = {
            name: None if self.doubt.about("parameters", name) else declared.get("type", "string")
            for name, declared in self.spec.get("parameters", {}).items()
        }
        return Scope(parameters, {name: self._outputs(name, step) for name, step in self.steps.items()}, {})

    def _outputs(self, name: str, step: Mapping[str, Any]) -> dict[str, str | None]:
        return {
            output: None if self.doubt.about("steps", name) else declared.get("type", "string")
            for output, declared in step.get("outputs", {}).get("parameters", {}).items()
        }
