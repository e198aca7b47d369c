"""The pod settings of a step: its own, over those that the workflow has for every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def settings(step: Document, defaults: Document) -> dict[str, Any]:
    """What holds for the step's pod, with `resources` among it wherever they were written."""
    usual, own = _own(defaults), _own(step)
    return merged(usual, own) if usual and own else {**usual, **own}


def _own(holder: Document) -> Document:
    """The settings of a step or of `defaults` by themselves."""
    pod: Document = holder.get("pod", {})
    return {**pod, "resources": holder["resources"]} if "resources" in holder else pod


def merged(usual: Document, own: Document) -> dict[str, Any]:
    """Both; mappings key by key, at every depth. Of lists and single values, `own` wins."""
    found = {**usual, **own}
    for key in usual.keys() & own.keys():
        if isinstance(usual[key], Mapping) and isinstance(own[key], Mapping):
            found[key] = merged(usual[key], own[key])
    return found
