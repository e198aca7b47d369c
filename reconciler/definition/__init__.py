"""From files to workflows: what people wrote, what is wrong with it, and what it amounts to.

Pure functions of bytes (and of the schema, which travels with the program):

    check_text(bytes) -> Verdict            sound documents, and problems with line and column
    resolve(verdicts, listing) -> ...       definitions with digests, once the repository's files are known
    compare(parts, parts) -> sentences      what changed between two definitions

Inside: `source` (bytes to text) -> `document` (text to values) -> `schema` and `explain` (the shape) ->
`checks` (the sense) -> `place` (where it was written), with `judge` as the road through them. `parse`
makes a `Workflow` of a checked document, `digest` its identity; `report` and `sarif` print problems.
"""

from __future__ import annotations

from reconciler.definition.changes import compare
from reconciler.definition.globs import Listing, match
from reconciler.definition.parse import workflow_from_document
from reconciler.definition.resolve import resolve
from reconciler.definition.schema import schema_digest
from reconciler.definition.source import MAX_SIZE
from reconciler.definition.verdict import Checked, Verdict

__all__ = [
    "MAX_SIZE",
    "Checked",
    "Listing",
    "Verdict",
    "check_text",
    "compare",
    "match",
    "resolve",
    "schema_digest",
    "too_large",
    "workflow_from_document",
]


def check_text(data: bytes, limit: int = MAX_SIZE) -> Verdict:
    """The verdict on the bytes of one file. Never raises, whatever they are."""
    from reconciler.definition.judge import (
        judge,
    )  # brings the parser, which a pass that finds nothing new spares

    return judge(data, limit)


def too_large(limit: int = MAX_SIZE) -> Verdict:
    """The verdict on a file that was not read, because it has more bytes than `limit`."""
    from reconciler.definition import source

    return Verdict(problems=(source.too_large(limit),))
