"""Artifacts against `cp` and against one multipart stream of minio-py's own to the same server.

    python -m tests.benchmarks.artifacts

`cp` does not hash. As every byte that is kept or fetched must be hashed, and a stream can be hashed by one
core only, the time of the hashing by itself is shown too: nothing that records a sha256 can be faster.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

from reconciler.artifacts import S3Access, open_store
from reconciler.artifacts.packing import collect, place
from reconciler.model.workflow import ArtifactOutput
from tests import servers
from tests.artifacts import child
from tests.benchmarks.table import Goal, Row, best_of, show

GIB = 1 << 30
ROUNDS = 5
FAST_ENOUGH = Goal(1.25)  # 80 % of the peer's speed
SMALL_ENOUGH = Goal(200, "MiB")


def rows() -> Iterator[Row]:
    """Needs 20 GiB of disk and about twelve minutes; the S3 rows need the servers of `make testbed`."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        top = Path(name)
        yield from _large_file(top)
        yield from _small_files(top)
        yield from _memory("directory", str(top / "memory"), None, top)
        shutil.rmtree(top / "memory")
        for server in servers.SERVERS:
            if servers.find(server):
                yield from _s3(server, top)


def _large_file(top: Path) -> Iterator[Row]:
    source, new = _file(top, GIB), top / "new"
    kept, store = open_store(str(top / "store")), open_store(str(new / "store"))
    stored = kept.put_file("key", source)
    ours_in, ours_out, plain, hashed = best_of(
        ROUNDS,
        lambda: store.put_file("key", source),
        lambda: kept.get_file("key", new / "got", size=stored.size, sha256=stored.sha256),
        lambda: run(["cp", source, new / "copy"], check=True),
        lambda: _hashed(source),
        before=lambda: _emptied(new),
    )
    for name, ours in (("put", ours_in), ("get", ours_out)):
        yield Row(f"directory: {name} 1 GiB", ours, "cp", plain, goal=FAST_ENOUGH)
        yield Row(f"directory: {name} 1 GiB", ours, "its sha256 alone", hashed, goal=FAST_ENOUGH)


def _hashed(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _small_files(top: Path) -> Iterator[Row]:
    for number in range(10_000):
        path = top / "work" / "out" / f"{number // 100:02}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(4096))
    for form in ("tar", "files"):
        yield from _directory_as(form, top)


def _directory_as(form: str, top: Path) -> Iterator[Row]:
    output, new = ArtifactOutput("many", "out", archive=form), top / "new"
    kept, store = open_store(str(top / "store")), open_store(str(new / "store"))
    artifact = collect(kept, output, top / "work", f"{form}/")
    assert artifact is not None
    ours_in, ours_out, plain = best_of(
        ROUNDS,
        lambda: collect(store, output, top / "work", "fresh/"),
        lambda: place(kept, artifact, new / "placed"),
        lambda: run(["cp", "-r", top / "work" / "out", new / "copy"], check=True),
        before=lambda: _emptied(new),
    )
    yield Row(f"directory: keep 10,000 x 4 KiB ({form})", ours_in, "cp -r", plain, goal=FAST_ENOUGH)
    yield Row(f"directory: place 10,000 x 4 KiB ({form})", ours_out, "cp -r", plain, goal=FAST_ENOUGH)


def _emptied(new: Path) -> None:
    """Everybody writes to a new place, on a disk that has nothing else left to do."""
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    os.sync()


def _s3(server: str, top: Path) -> Iterator[Row]:
    source, got = _file(top, GIB), top / "got"
    with servers.running(server, top / server) as running:
        store, peer = open_store(f"s3://{servers.BUCKET}", running.access), servers.client(running.access)
        stored = store.put_file("key", source)
        times = best_of(
            ROUNDS,
            lambda: store.put_file("key", source),
            lambda: peer.fput_object(servers.BUCKET, "peer", str(source), num_parallel_uploads=1),
            lambda: peer.fput_object(servers.BUCKET, "peer", str(source)),
            lambda: store.get_file("key", got, size=stored.size, sha256=stored.sha256),
            lambda: peer.fget_object(servers.BUCKET, "peer", str(got)),
            before=os.sync,
        )
        yield Row(f"{server}: put 1 GiB", times[0], "fput_object, one sender", times[1], goal=FAST_ENOUGH)
        yield Row(f"{server}: put 1 GiB", times[0], "fput_object, three senders", times[2], goal=FAST_ENOUGH)
        yield Row(f"{server}: get 1 GiB", times[3], "fget_object", times[4], goal=FAST_ENOUGH)
        yield from _memory(server, f"s3://{servers.BUCKET}", running.access, top)
    shutil.rmtree(top / server)


def _memory(name: str, url: str, access: S3Access | None, top: Path) -> Iterator[Row]:
    """The most memory of a process that puts a stream of 5 GiB, then gets it as a file."""
    done = child.run("there-and-back", url, access, "big", str(5 * GIB), str(top / "big"))
    if done.returncode:
        raise RuntimeError(done.stderr)
    for line in done.stdout.splitlines():
        way, peak = line.split()
        yield Row(f"{name}: memory to {way} 5 GiB", int(peak), unit="MiB", goal=SMALL_ENOUGH)


def _file(top: Path, size: int) -> Path:
    path = top / "source"
    if not path.exists():
        with open(path, "wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
    return path


if __name__ == "__main__":
    print(show(rows()))
