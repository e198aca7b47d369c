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

from reconciler.definition import source
from reconciler.definition.changes import compare
from reconciler.definition.globs import Listing, match
from reconciler.definition.parse import workflow_from_document
from reconciler.definition.resolve import accept, define, resolve
from reconciler.definition.schema import schema_digest
from reconciler.definition.source import MAX_SIZE
from reconciler.definition.verdict import Checked, Verdict
from reconciler.model.problem import Problem

__all__ = [
    "MAX_SIZE",
    "Checked",
    "Listing",
    "Verdict",
    "accept",
    "check_text",
    "compare",
    "define",
    "match",
    "resolve",
    "schema_digest",
    "too_large",
    "workflow_from_document",
]


def check_text(data: bytes, limit: int = MAX_SIZE) -> Verdict:
    """The verdict on the bytes of one file. Whatever they are, it does not raise."""
    # imported here: it brings the parser, which a pass that finds nothing new spares
    from reconciler.definition.judge import judge

    try:
        return judge(data, limit)
    except MemoryError:
        raise  # says something of the machine, not of the file
    except Exception as error:  # a mistake of ours with one file must not stop the others
        message = (
            f"The checker failed at this file ({type(error).__name__}). That is a bug; please report it."
        )
        return Verdict(problems=(Problem("", 1, 1, "$", "CheckerFailed", message),))


def too_large(limit: int = MAX_SIZE) -> Verdict:
    """The verdict on a file that was not read, because it has more bytes than `limit`."""
    return Verdict(problems=(source.too_large(limit),))
