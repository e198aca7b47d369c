"""Pod settings that would meet each other or take what is not the author's: names, labels, containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding
from reconciler.definition.words import Path, show

_CONTAINERS = frozenset({"main", "fetch", "agent", "put"})
_DOMAINS = ("reconciler.dev", "kubernetes.io", "k8s.io", "karpenter.sh")


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about `pod`, of steps and of `defaults`."""
    if "pod" in subject.defaults:
        yield from _pod(("spec", "defaults", "pod"), subject.defaults["pod"])
    for name, step in subject.steps.items():
        if "pod" in step:
            yield from _pod(("spec", "steps", name, "pod"), step["pod"])


def _pod(path: Path, pod: Mapping[str, Any]) -> Iterator[Finding]:
    for kind in ("labels", "annotations"):
        yield from reserved((*path, kind), pod.get(kind, {}))
    for kind in ("volumes", "sidecars"):
        yield from _twins((*path, kind), pod.get(kind, ()))
    for index, sidecar in enumerate(pod.get("sidecars", ())):
        if sidecar["name"] in _CONTAINERS:
            message = f"{show(sidecar['name'])} is the name of one of the engine's containers."
            yield Finding((*path, "sidecars", index, "name"), "NameTaken", message)


def reserved(path: Path, keys: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about keys of labels or annotations that belong to the engine or the cluster."""
    for key in keys:
        domain, slash, _ = key.partition("/")
        owner = next((own for own in _DOMAINS if domain == own or domain.endswith(f".{own}")), None)
        if slash and owner:
            message = f"Keys in the domain {owner} are not the author's to set. Use a domain of your own."
            yield Finding((*path, key), "NameTaken", message, at_key=True)


def _twins(path: Path, named: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, each in enumerate(named):
        if each["name"] in seen:
            message = f"The name {show(each['name'])} stands here a second time."
            yield Finding((*path, index, "name"), "Duplicate", message)
        seen.add(each["name"])
