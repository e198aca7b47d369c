"""Checks definitions, or remembers that the same bytes were checked before by the same rules."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from reconciler import definition
from reconciler.definition import Verdict
from reconciler.model.catalog import CatalogEntry
from reconciler.reconcile import entries
from reconciler.reconcile.edges import Source
from reconciler.state.store import State

if TYPE_CHECKING:
    from concurrent.futures import Future

PARALLEL_FROM = 400
"""Files from which further processes pay for their start."""

CHUNK = 100
CHUNK_BYTES = 4 * 1024 * 1024
"""What a worker is given at once: so many files, or one more than so many bytes."""

Content = tuple[str, bytes | None]
"""A key and what stands under it; None: more than may be read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new verdict and what follows from the same bytes alone: its text, and catalog entries by name."""

    verdict: Verdict
    text: str
    entries: Mapping[str, CatalogEntry] = field(default_factory=dict)


def collect(
    source: Source, state: State, wanted: Mapping[str, str], limit: int, *, anew: bool = False
) -> tuple[dict[str, Verdict], dict[str, Fresh]]:
    """Verdicts by path for `wanted` (path to blob), and by blob those that were not remembered.

    `anew` trusts no memory: a file may have been too large for another limit.
    """
    blobs = set(wanted.values())
    remembered = {} if anew else state.verdicts(blobs, definition.schema_digest())
    known = {blob: Verdict.from_json(text) for blob, text in remembered.items()}
    contents = source.read(blobs - known.keys(), limit)
    fresh = dict(_side_by_side(_judge, contents, len(blobs) - len(known), limit))
    known |= {blob: each.verdict for blob, each in fresh.items()}
    return {path: known[blob] for path, blob in wanted.items()}, fresh


def check_all(contents: Iterable[Content], count: int, limit: int) -> Iterator[tuple[str, Verdict]]:
    """The verdict on each of `contents`, of which there are about `count`; `limit` in bytes for each."""
    return _side_by_side(_check, contents, count, limit)


Work = Callable[[Iterable[Content], int], list[tuple[str, T]]]


def _side_by_side(
    work: Work[T], contents: Iterable[Content], count: int, limit: int
) -> Iterator[tuple[str, T]]:
    workers = os.cpu_count() or 1
    if count < PARALLEL_FROM or workers < 2 or threading.active_count() > 1:  # forks and threads do not mix
        for chunk in _chunks(contents):
            yield from work(chunk, limit)
        return
    yield from _in_processes(work, contents, workers, limit)


def _in_processes(
    work: Work[T], contents: Iterable[Content], workers: int, limit: int
) -> Iterator[tuple[str, T]]:
    import multiprocessing  # takes as long as checking thirty files
    from concurrent.futures import ProcessPoolExecutor

    _check([("", b"")], limit)  # loads the checker, which the forks then share
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        # Every worker begins here: forked while `contents` reads from a process, it would hold that
        # process's pipes open for ever. And no thread of ours runs before this point.
        pool.submit(os.getpid).result()
        waiting: deque[Future[list[tuple[str, T]]]] = deque()
        for chunk in _chunks(contents):
            waiting.append(pool.submit(work, chunk, limit))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        for each in waiting:
            yield from each.result()


def _chunks(contents: Iterable[Content]) -> Iterator[list[Content]]:
    chunk: list[Content] = []
    size = 0
    for content in contents:
        chunk.append(content)
        size += len(content[1] or b"")
        if len(chunk) >= CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _check(chunk: Iterable[Content], limit: int) -> list[tuple[str, Verdict]]:
    refused = definition.too_large(limit)
    return [(key, refused if data is None else definition.check_text(data, limit)) for key, data in chunk]


def _judge(chunk: Iterable[Content], limit: int) -> list[tuple[str, Fresh]]:
    """What can be said of a file without any other is said here, where the processors share the work."""
    return [(key, _fresh(verdict)) for key, verdict in _check(chunk, limit)]


def _fresh(verdict: Verdict) -> Fresh:
    made = ((each.name, entries.from_document(each.document)) for each in verdict.documents)
    return Fresh(verdict, verdict.to_json(), {name: entry for name, entry in made if entry})
