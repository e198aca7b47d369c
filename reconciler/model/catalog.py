"""What the source branch holds at one revision, as far as it is remembered between passes.

A pass compares trees, not commits: it asks which files are new since the remembered state, judges those
alone, and hands the difference over as one `CatalogUpdate`. Texts named "JSON" are the definition
layer's affair; whoever keeps them only carries them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.problem import Problem


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A valid workflow at the last seen revision.

    `document`, `parts`, `files` and `schedules` are JSON: the definition, `Definition.parts`, per step a
    list of [path, blob, executable], and a list of cron lines. `globs` are the patterns of files outside
    the definition that count for the digest: a workflow without any need not be looked at again.
    """

    name: str
    path: str
    digest: str
    document: str
    parts: str = "{}"
    files: str = "{}"
    globs: tuple[str, ...] = ()
    on_change: bool = True
    suspend: bool = False
    schedules: str = "[]"


@dataclass(frozen=True, slots=True)
class CatalogUpdate:
    """The difference between what is remembered and what `revision` holds.

    `files_set` gives the blob of each new or changed definition file; `verdicts` what was found in a
    blob, judged by the schemas of `schema_digest`; `problems_set` replaces the problems of a file (an
    empty tuple clears them; those of `files_gone` go with the file).
    """

    revision: str
    schema_digest: str
    files_set: Mapping[str, str] = field(default_factory=dict)
    files_gone: frozenset[str] = frozenset()
    verdicts: Mapping[str, str] = field(default_factory=dict)
    workflows_set: Mapping[str, CatalogEntry] = field(default_factory=dict)
    workflows_gone: frozenset[str] = frozenset()
    problems_set: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
