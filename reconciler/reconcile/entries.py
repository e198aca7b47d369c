"""Between a definition and its row in the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from reconciler.definition import workflow_from_document
from reconciler.definition.digest import digest, parts
from reconciler.definition.parse import triggers
from reconciler.model.catalog import CatalogEntry
from reconciler.model.workflow import Definition, Schedule, SourceFile


def from_document(document: Mapping[str, Any], path: str = "") -> CatalogEntry | None:
    """The row of a checked document that no file of the repository is a part of, None for any other.

    It says what `from_definition` says, and can be made where the file was checked: side by side.
    """
    starts = triggers(document)
    if starts.paths or any(step.get("files") for step in document["spec"]["steps"].values()):
        return None
    return CatalogEntry(
        name=document["metadata"]["name"],
        path=path,
        digest=digest(document, ()),
        document=_dumps(document),
        parts=_dumps(parts(document, ())),
        on_change=starts.change,
        suspend=document["spec"].get("suspend", False),
        schedules=_schedules(starts.schedules),
    )


def from_definition(definition: Definition) -> CatalogEntry:
    """The row that keeps a definition."""
    workflow = definition.workflow
    globs = {pattern for step in workflow.steps.values() for pattern in step.files}
    return CatalogEntry(
        name=workflow.name,
        path=definition.path,
        digest=definition.digest,
        document=_dumps(workflow.document),
        parts=_dumps(definition.parts),
        files=_dumps({step: [asdict(f) for f in files] for step, files in definition.files.items()}),
        globs=tuple(sorted(globs | set(workflow.triggers.paths))),
        on_change=workflow.triggers.change,
        suspend=workflow.suspend,
        schedules=_schedules(workflow.triggers.schedules),
    )


def to_definition(entry: CatalogEntry) -> Definition:
    """The definition that a row keeps."""
    files = json.loads(entry.files)
    return Definition(
        workflow=workflow_from_document(json.loads(entry.document)),
        path=entry.path,
        digest=entry.digest,
        files={step: tuple(SourceFile(**file) for file in listed) for step, listed in files.items()},
        parts=json.loads(entry.parts),
    )


def _schedules(lines: Iterable[Schedule]) -> str:
    return _dumps([asdict(line) for line in lines])


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
