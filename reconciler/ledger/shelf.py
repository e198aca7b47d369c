"""Artifacts in a record, written so that little of them changes from run to run.

Nearly all keys begin with the run's own prefix and nearly all links with the store's address, so both
stand once in the record (`store`), and an artifact has its `path` below them. In a ledger of many runs
this is what makes a record small: git stores what changed. A key or link that does not follow stands
with its artifact in full.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.run import Artifact, Run

SHORT: Final = 16
"""Digits of a sha256 where the whole one stands elsewhere, or tells an accident and no more."""

_usual: Final = Artifact(name="", key="", size=0, sha256="")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The run's own prefix in the store, and the address below which it can be opened (or nothing)."""

    keys: str
    links: str = ""

    def entry(self, name: str, artifact: Artifact, links: Mapping[str, str]) -> dict[str, Any]:
        """The fields of one artifact, without those that a reader would assume."""
        own = artifact.key.startswith(self.keys)
        fields = {
            "name": artifact.name if artifact.name != name else None,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "form": artifact.form if artifact.form != _usual.form else None,
            "contentType": artifact.content_type if artifact.content_type != _usual.content_type else None,
            "executable": artifact.executable or None,
            "path": artifact.key.removeprefix(self.keys) if own else None,
            "key": None if own else artifact.key,
            "link": None if own and self.links else links.get(artifact.key),
        }
        return {field: value for field, value in fields.items() if value is not None}


def shelf_of(run: Run, artifacts: Collection[Artifact], links: Mapping[str, str]) -> Shelf:
    """Where the artifacts of `run` are; with an address if it holds for every one of them."""
    prefix = f"runs/{run.name}/{run.id}/"
    own = [artifact.key for artifact in artifacts if artifact.key.startswith(prefix)]
    address = links.get(own[0], "").removesuffix(own[0].removeprefix(prefix)) if own else ""
    regular = all(links.get(key) == address + key.removeprefix(prefix) for key in own)
    return Shelf(prefix, address if regular else "")


def made(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The artifacts of each step's last attempt, by "step/name"."""
    for step, entry in record["steps"].items():
        for attempt in entry.get("attempts", [])[-1:]:
            for name, artifact in attempt.get("outputs", {}).get("artifacts", {}).items():
                yield f"{step}/{name}", artifact


def key(record: Mapping[str, Any], artifact: Mapping[str, Any]) -> str:
    """The store key of an artifact in a record."""
    return str(artifact["key"] if "key" in artifact else record["store"]["keys"] + artifact["path"])


def link(record: Mapping[str, Any], artifact: Mapping[str, Any]) -> str:
    """The address of an artifact in a record; empty if there is none."""
    if "link" in artifact or "path" not in artifact:
        return str(artifact.get("link", ""))
    address = record.get("store", {}).get("links", "")
    return f"{address}{artifact['path']}" if address else ""
