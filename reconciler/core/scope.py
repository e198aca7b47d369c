"""What expressions may refer to, with types; and what to say of a name that is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.reference import ROOTS, Reference
from reconciler.core.rewrite import Variable
from reconciler.core.suggest import did_you_mean

_RUN: Final = {
    "id": "string",
    "number": "integer",
    "workflow": "string",
    "revision": "string",
    "trigger": "string",
}
_UNDECLARED = re.compile(r"^Nothing is called '([^']*)'\.$")
_FUNCTIONS: Final = (
    *("all", "bool", "contains", "double", "duration", "endsWith", "exists", "exists_one", "filter", "has"),
    *("int", "map", "matches", "size", "startsWith", "string", "timestamp"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Names that may be referred to, and our names of their types (None: known only at run time).

    `outputs` has an entry, perhaps empty, for every step. `run` and `workflow` are the same for all.
    """

    parameters: Mapping[str, str | None] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    inputs: Mapping[str, str | None] = field(default_factory=dict)

    def names(self, root: str) -> Mapping[str, str | None]:
        """What may follow a root other than `steps`."""
        roots: Mapping[str, Mapping[str, str | None]] = {
            "parameters": self.parameters,
            "inputs": self.inputs,
            "run": _RUN,
            "workflow": {"name": "string"},
        }
        return roots[root]

    def type_of(self, variable: Variable) -> str | None:
        """The type of what a variable of a rewritten expression stands for."""
        reference = variable.reference
        if variable.asked:
            return "boolean"
        if reference is None:
            return None
        if reference.root != "steps":
            return self.names(reference.root).get(reference.path[0])
        if reference.path[1] == "phase":
            return "string"
        return self.outputs.get(reference.path[0], {}).get(reference.path[2])

    def why_unknown(self, reference: Reference) -> str | None:
        """What is wrong with a reference, as a sentence; None where it is known."""
        if reference.root == "steps":
            return self._why_unknown_step(reference.path[0], reference.path[2:])
        name, known = reference.path[0], self.names(reference.root)
        if name in known:
            return None
        words = {"parameters": "No parameter is called", "inputs": "This step has no input parameter"}
        start = words.get(reference.root, f"'{reference.root}' has no")
        return f"{start} '{name}'.{did_you_mean(name, known)}"

    def _why_unknown_step(self, step: str, output: tuple[str, ...]) -> str | None:
        if step not in self.outputs:
            return f"No step is called '{step}'.{did_you_mean(step, self.outputs)}"
        known = self.outputs[step]
        if not output or output[0] in known:
            return None
        return f"Step '{step}' has no output parameter '{output[0]}'.{did_you_mean(output[0], known)}"

    def with_hint(self, message: str) -> str:
        """The message, and where a bare name may be found: `epochs` is most likely `parameters.epochs`."""
        match = _UNDECLARED.match(message)
        if not match:
            return message
        head, dot, rest = match[1].partition(".")
        for root, known in (("inputs", self.inputs), ("parameters", self.parameters)):
            if head in known:
                return f"{message} Did you mean '{root}.{match[1]}'?"
        hint = did_you_mean(head, (*ROOTS, *_FUNCTIONS))
        return message + hint.replace("'?", f"{dot}{rest}'?")
