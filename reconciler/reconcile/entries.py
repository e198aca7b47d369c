"""Between a definition and its row in the catalog."""

from __future__ import annotations

import json
from dataclasses import asdict

from reconciler.definition import workflow_from_document
from reconciler.model.catalog import CatalogEntry
from reconciler.model.workflow import Definition, SourceFile


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
        schedules=_dumps([asdict(line) for line in workflow.triggers.schedules]),
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


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
