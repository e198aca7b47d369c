"""Checks definitions, or remembers that the same bytes were checked before by the same rules."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor

from reconciler import definition
from reconciler.definition import Verdict
from reconciler.reconcile.edges import Source
from reconciler.state.store import State

PARALLEL_FROM = 400
"""Files from which further processes pay for their start."""

CHUNK = 200


def collect(
    source: Source, state: State, wanted: Mapping[str, str], limit: int
) -> tuple[dict[str, Verdict], dict[str, Verdict]]:
    """Verdicts by path for `wanted` (path to blob), and by blob those that were not remembered."""
    blobs = set(wanted.values())
    remembered = state.verdicts(blobs, definition.schema_digest())
    known = {blob: Verdict.from_json(text) for blob, text in remembered.items()}
    fresh = dict(check_all(source.read(blobs - known.keys(), limit), len(blobs) - len(known), limit))
    known |= fresh
    return {path: known[blob] for path, blob in wanted.items()}, fresh


def check_all(
    contents: Iterable[tuple[str, bytes | None]], count: int, limit: int
) -> Iterator[tuple[str, Verdict]]:
    """The verdict on each of `contents` (a key and bytes, None: larger than `limit`), in any order."""
    workers = os.cpu_count() or 1
    if count < PARALLEL_FROM or workers < 2:
        yield from (_check((blob, data, limit)) for blob, data in contents)
        return
    # fork: the checker is loaded once and shared; nothing here runs threads before this point
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        work = ((blob, data, limit) for blob, data in contents)
        yield from pool.map(_check, work, chunksize=CHUNK)


def _check(work: tuple[str, bytes | None, int]) -> tuple[str, Verdict]:
    blob, data, limit = work
    return blob, definition.too_large(limit) if data is None else definition.check_text(data, limit)
