"""The names and values that the tests of expressions share."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from reconciler.core.expressions import Scope

SCOPE = Scope(
    parameters={"epochs": "integer", "rate": "number", "in": "string", "regions": "list", "cfg": "object"},
    outputs={"load-data": {"rows": "integer"}, "train": {"accuracy": "number"}, "a-1": {}},
    inputs={"path": "string"},
)
VALUES: dict[str, Any] = {
    "parameters": {"epochs": 5, "rate": 1, "in": "here", "regions": ["eu"], "cfg": {"a-b": 1}},
    "steps": {
        "load-data": {"phase": "Succeeded", "outputs": {"rows": 7}},
        "train": {"phase": "Skipped", "outputs": {}},
        "a-1": {"phase": "Failed", "outputs": {}},
    },
    "inputs": {"path": "a.csv"},
    "run": {"id": "w-1-00000000", "number": 3, "workflow": "w", "revision": "abc", "trigger": "change"},
    "workflow": {"name": "w"},
}

step_names = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
parameter_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10
)
