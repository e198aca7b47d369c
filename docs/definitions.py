"""Writes the reference part of docs/definitions.md from schemas/workflow.schema.json.

    python -m docs.definitions

The introduction above the mark is written by hand and kept; a test fails when the rest is not current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.definition import scalar
from reconciler.share import schema_text

PAGE = Path(__file__).parent / "definitions.md"
MARK = "<!-- From here on made by docs/definitions.py. -->\n"

_SECTIONS = {
    "metadata": "metadata",
    "spec": "spec",
    "triggers": "spec.on",
    "scheduleTrigger": "spec.on.schedule[]",
    "parameter": "spec.parameters.*",
    "defaults": "spec.defaults",
    "commandStep": "spec.steps.*",
    "manifestStep": "spec.steps.* with manifest",
    "manifest": "manifest",
    "manifestParameterInput": "manifest step: inputs.parameters.*",
    "manifestParameterOutput": "manifest step: outputs.parameters.*",
    "retry": "retry",
    "backoff": "retry.backoff",
    "inputs": "inputs",
    "parameterInput": "inputs.parameters.*",
    "artifactInput": "inputs.artifacts.*",
    "outputs": "outputs",
    "parameterOutput": "outputs.parameters.*",
    "artifactOutput": "outputs.artifacts.*",
    "resources": "resources",
    "secretInput": "secrets[]",
    "pod": "pod",
    "volume": "pod.volumes[]",
    "claimSource": "pod.volumes[].persistentVolumeClaim",
    "emptyDirSource": "pod.volumes[].emptyDir",
    "configMapSource": "pod.volumes[].configMap",
    "secretSource": "pod.volumes[].secret",
    "volumeItem": "items[] of configMap and secret",
    "sidecar": "pod.sidecars[]",
    "probe": "startupProbe, readinessProbe",
    "execAction": "exec",
    "tcpAction": "tcpSocket",
    "httpAction": "httpGet",
    "podSecurityContext": "pod.securityContext",
    "toleration": "pod.tolerations[]",
    "affinity": "pod.affinity",
    "nodeAffinity": "pod.affinity.nodeAffinity",
    "preferredNode": "preferred nodes[]",
    "nodeSelectorTerm": "nodeSelectorTerms[], preference",
    "nodeRequirement": "matchExpressions[] and matchFields[] of nodes",
    "podAffinity": "pod.affinity.podAffinity, podAntiAffinity",
    "preferredPod": "preferred pods[]",
    "podAffinityTerm": "podAffinityTerm",
    "labelSelector": "labelSelector",
    "labelRequirement": "matchExpressions[] of pods",
    "topologySpreadConstraint": "pod.topologySpreadConstraints[]",
    "workflowOutputs": "spec.outputs",
}
_PLAIN = re.compile(r"[A-Za-z0-9/]([A-Za-z0-9./_@*+-]| (?! )|:(?! ))*")
_WORDS = {
    "array": "list",
    "object": "mapping",
    "integer": "whole number",
    "string": "text",
    "boolean": "true or false",
}


def page() -> str:
    """The page as it is, with its reference made anew."""
    introduction = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return introduction + MARK + "\n" + "\n".join(reference(json.loads(schema_text())))


def reference(schema: dict[str, Any]) -> Iterator[str]:
    """The reference, line by line."""
    yield "## Reference\n"
    yield "Every key that there is. Any other key is a problem.\n"
    yield from _section("The document", schema, schema)
    for name, title in _SECTIONS.items():
        yield from _section(f"`{title}`", schema["$defs"][name], schema)
    yield from _names(schema)


def _section(title: str, part: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    required = part.get("required", ())
    yield f"### {title}\n"
    yield "| key | value | meaning |"
    yield "|---|---|---|"
    for key, rule in part["properties"].items():
        mark = " **required**" if key in required else ""
        meaning = _cell(rule["description"]) + _default(rule, schema)
        yield f"| `{key}`{mark} | {_value(rule, schema)} | {meaning} |"
    yield ""
    yield "```yaml"
    yield from (f"{key}: {_flow(rule['examples'][0])}" for key, rule in part["properties"].items())
    yield "```\n"


def _value(rule: dict[str, Any], schema: dict[str, Any]) -> str:
    """What kind of value it is, and its bounds."""
    full = _full(rule, schema)
    if "const" in full:
        return f"`{full['const']}`"
    if "enum" in full:
        return ", ".join(f"`{choice}`" for choice in full["enum"])
    kinds = full.get("type", "any value")
    words = " or ".join(_WORDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if kinds == "array" and "items" in full:
        words = f"list of {_value(full['items'], schema)}"
    low, high = full.get("minimum"), full.get("maximum")
    if low is not None and high is not None:
        return f"{words}, {low} to {high}"
    return f"{words}, at least {low}" if low is not None else words


def _full(rule: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The rule with what it refers to; its own words win."""
    if "$ref" not in rule:
        return rule
    return {**_full(schema["$defs"][rule["$ref"].rpartition("/")[2]], schema), **rule}


def _default(rule: dict[str, Any], schema: dict[str, Any]) -> str:
    full = _full(rule, schema)
    return f" Default: `{_flow(full['default'])}`." if "default" in full else ""


def _names(schema: dict[str, Any]) -> Iterator[str]:
    """What names and texts look like."""
    yield "### Names and forms\n"
    yield "| | |"
    yield "|---|---|"
    for name, rule in schema["$defs"].items():
        if "patternErrorMessage" in rule:
            yield f"| {name} | {_cell(rule['patternErrorMessage'])} |"
    yield ""


def _flow(value: Any) -> str:
    """A value on one line of YAML, quoted only where it must be."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and scalar.resolve(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*") if "`" not in text else text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
