"""Packs the files that steps take along from the repository, once per set of files."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import PermanentError
from reconciler.model.run import Artifact
from reconciler.model.workflow import SourceFile
from reconciler.reconcile.edges import Edges

Files = tuple[SourceFile, ...]


def pack(edges: Edges, files: Mapping[str, Files]) -> tuple[dict[str, Artifact], dict[str, str]]:
    """By step, its files as one stored tar; and by step, why its files cannot be had, ever.

    A store that does not answer now is a TransientError, for all of them.
    """
    made: dict[Files, Artifact] = {}
    refused: dict[Files, str] = {}
    for taken in {taken: None for taken in files.values() if taken}:
        try:
            made[taken] = _bundle(edges, taken)
        except PermanentError as error:
            refused[taken] = error.message
    return (
        {step: made[taken] for step, taken in files.items() if taken in made},
        {step: refused[taken] for step, taken in files.items() if taken in refused},
    )


def _bundle(edges: Edges, files: Files) -> Artifact:
    from reconciler.artifacts import packing  # brings tarfile; most steps take no file along

    contents = dict(edges.source.read({file.blob for file in files}, edges.blob_bytes))
    members = ((file.path, file.executable, _content(edges, file, contents)) for file in files)
    return packing.store_bundle(edges.store, members)


def _content(edges: Edges, file: SourceFile, contents: Mapping[str, bytes | None]) -> bytes:
    content = contents.get(file.blob)
    if content is None:
        raise PermanentError(
            f"the file '{file.path}' is larger than what a step can take along "
            f"({edges.blob_bytes:,} bytes, limits.blob_bytes); let the step fetch it instead"
        )
    return content
