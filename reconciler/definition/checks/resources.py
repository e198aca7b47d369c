"""Resources that no container could be given: more asked for than allowed, or parts of a whole device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.definition import pod
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.quantity import amount
from reconciler.definition.words import Path, show


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about the resources of steps, with those of `defaults` beneath, and of their sidecars."""
    yield from _holder(("spec", "defaults"), subject.defaults, {})
    for name, step in subject.steps.items():
        if "resources" in step or "pod" in step:
            yield from _holder(("spec", "steps", name), step, subject.defaults)


def _holder(path: Path, holder: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[Finding]:
    settings: Mapping[str, Any] = holder.get("pod", {})
    own: Path = (*path, "resources") if "resources" in holder else (*path, "pod", "resources")
    if "resources" in holder and "resources" in settings:
        message = "'resources' and 'pod.resources' are the same. Keep one of them."
        yield Finding(own, "Contradiction", message, at_key=True)
    if "resources" in holder or "resources" in settings:
        yield from _resources(own, pod.settings(holder, defaults)["resources"])
    for index, sidecar in enumerate(settings.get("sidecars", ())):
        if "resources" in sidecar:
            yield from _resources((*path, "pod", "sidecars", index, "resources"), sidecar["resources"])


def _resources(path: Path, resources: Mapping[str, Any]) -> Iterator[Finding]:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for side, quantities in (("requests", requests), ("limits", limits)):
        for name, quantity in quantities.items():
            wanted = amount(quantity)
            if _is_device(name) and wanted is not None and wanted % 1:
                message = f"{show(name)} comes in whole numbers, not as {show(quantity)}."
                yield Finding((*path, side, name), "OutOfRange", message)
    for name, quantity in requests.items():
        if wrong := _against_limit(name, quantity, limits):
            yield Finding((*path, "requests", name), "Contradiction", wrong)


def _against_limit(name: str, quantity: Any, limits: Mapping[str, Any]) -> str | None:
    """What is wrong with a request, given the limits."""
    if name not in limits:
        if "/" in name or name.startswith("hugepages-"):
            return f"{show(name)} is not shared, so it needs a limit too, and the same."
        return None
    wanted, most = amount(quantity), amount(limits[name])
    if wanted is None or most is None:
        return None
    if wanted > most:
        return f"{show(quantity)} is more than the limit of {show(limits[name])}."
    if _is_device(name) and wanted != most:
        return f"{show(name)} is not shared, so this must be the same as the limit, {show(limits[name])}."
    return None


def _is_device(name: str) -> bool:
    """Whether the resource comes in whole pieces that containers do not share."""
    return "/" in name
