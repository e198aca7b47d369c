"""A directory as one object a file and a listing, so that each file has a link of its own.

The listing is stored last, as JSON lines in the order of the names; without it there is no artifact.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.artifacts.base import ArtifactStore, Stored
from reconciler.artifacts.beneath import Entry, OutputRefused, walk
from reconciler.artifacts.content_type import guess
from reconciler.artifacts.keys import check_key, escape
from reconciler.artifacts.landing import Landing
from reconciler.artifacts.localfile import make_executable
from reconciler.artifacts.stream import pour, verify
from reconciler.errors import PermanentError, ReconcilerError
from reconciler.model.run import Artifact

CONTENT_TYPE = "application/x-ndjson"
LISTING = ".listing.jsonl"
_AT_ONCE = 8
_WAITING = 32
_SMALL = 4 << 20
"""Files up to here go side by side, as a store may hold them in memory; larger ones one by one, in parts."""

Line = dict[str, Any]


def collect(store: ArtifactStore, key: str, directory: int) -> tuple[int, str]:
    """Store everything below the open `directory`; the size of all files and the sha256 of the listing."""
    total = 0
    try:
        with tempfile.TemporaryFile() as listing:
            for line in _stored(store, key, directory):
                total += line.get("size", 0)
                listing.write(json.dumps(line, sort_keys=True).encode() + b"\n")
            listing.seek(0)
            stored = store.put(f"{key}/{LISTING}", listing, content_type=CONTENT_TYPE)
    except BaseException:
        with suppress(ReconcilerError):
            store.delete(key)
        raise
    return total, stored.sha256


def file_key(key: str, name: str) -> str:
    """Where a file of a directory stored under `key` is."""
    return f"{key}/{escape(name.split('/'), reserved=frozenset({LISTING}))}"


def _stored(store: ArtifactStore, key: str, directory: int) -> Iterator[Line]:
    """The listing's lines, each once its file is stored."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    waiting: deque[tuple[Line, Future[Stored] | None]] = deque()
    try:
        for entry in walk(directory):
            waiting.append((_line(entry), _send(store, key, entry, pool)))
            if len(waiting) == _WAITING:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _line(entry: Entry) -> Line:
    line: Line = {"kind": entry.kind, "path": "/".join(entry.path)}
    if entry.kind == "link":
        line["target"] = entry.target
    elif entry.kind == "file":
        line["executable"] = entry.executable
    return line


def _send(store: ArtifactStore, key: str, entry: Entry, pool: ThreadPoolExecutor) -> Future[Stored] | None:
    if entry.kind != "file":
        return None
    name, descriptor = _object_key(key, entry), entry.open()

    def put() -> Stored:
        with open(descriptor, "rb", buffering=0, closefd=False) as source:
            return store.put(name, source, content_type=guess(entry.path[-1]))

    if os.fstat(descriptor).st_size <= _SMALL:
        future = pool.submit(put)
    else:
        future = Future()
        try:
            future.set_result(put())
        except BaseException as error:
            future.set_exception(error)
    future.add_done_callback(lambda _: os.close(descriptor))  # also when it is cancelled
    return future


def _object_key(key: str, entry: Entry) -> str:
    name = "/".join(entry.path)
    try:
        return check_key(file_key(key, name))
    except PermanentError as error:
        raise OutputRefused(
            f"{name!r} cannot be an object of its own: {error.message}",
            hint="Use `archive: tar` for this directory.",
        ) from error


def _finished(line: Line, future: Future[Stored] | None) -> Line:
    if future is None:
        return line
    stored = future.result()
    return {**line, "size": stored.size, "sha256": stored.sha256}


def place(store: ArtifactStore, artifact: Artifact, directory: Path) -> None:
    """Lay a stored directory out below `directory`, every file verified."""
    with tempfile.TemporaryFile() as listing:
        with store.open(f"{artifact.key}/{LISTING}") as stream:
            found = pour(stream, listing.write)
        verify(f"The listing of {artifact.key}", found, found[0], artifact.sha256)
        listing.seek(0)
        with Landing(directory) as landing:
            _land(store, artifact.key, (json.loads(text) for text in listing), landing)


def _land(store: ArtifactStore, key: str, lines: Iterable[Line], landing: Landing) -> None:
    """All that the listing holds; files side by side."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    waiting: deque[Future[None]] = deque()
    try:
        for line in lines:
            if line["kind"] == "directory":
                landing.directory(line["path"])
            elif line["kind"] == "link":
                landing.link(line["path"], line["target"])
            else:
                waiting.append(pool.submit(_fetch, store, key, line, landing.file(line["path"])))
            if len(waiting) == _WAITING:
                waiting.popleft().result()
        while waiting:
            waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch(store: ArtifactStore, key: str, line: Line, path: Path) -> None:
    store.get_file(file_key(key, line["path"]), path, size=line["size"], sha256=line["sha256"])
    if line["executable"]:
        make_executable(path)
