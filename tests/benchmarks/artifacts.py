"""Artifacts against `cp` and against one multipart stream of minio-py's own to the same server.

    python -m tests.benchmarks.artifacts

`cp` does not hash. As every byte that is kept or fetched must be hashed, and a stream is hashed by one core
alone, `cp` with `sha256sum` after it is shown beside it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

from reconciler.artifacts import ArtifactStore, S3Access, open_store
from reconciler.artifacts.packing import collect, place
from reconciler.model.workflow import ArtifactOutput
from tests import servers
from tests.artifacts import child
from tests.benchmarks.table import Row, best_of, show

GIB = 1 << 30
ROUNDS = 5
FAST_ENOUGH = "at most 1.25 x (80 %)"
SMALL_ENOUGH = "at most 200 MiB"


def rows() -> Iterator[Row]:
    """Needs 25 GiB of disk and about five minutes; the S3 rows need the servers of `make testbed`."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        top = Path(name)
        yield from _large_file(top)
        yield from _small_files(top)
        yield from _memory("directory", str(top / "memory"), None, top)
        for server in servers.SERVERS:
            if servers.find(server):
                yield from _s3(server, top)


def _large_file(top: Path) -> Iterator[Row]:
    source, copy, got = _file(top, GIB), top / "copy", top / "got"
    store = open_store(str(top / "store"))
    stored = store.put_file("key", source)
    ours_in, ours_out, plain, hashed = best_of(
        ROUNDS,
        lambda _: store.put_file("key", source),
        lambda _: store.get_file("key", got, size=stored.size, sha256=stored.sha256),
        lambda _: run(["cp", source, copy], check=True),
        lambda _: run(f"cp {source} {copy} && sha256sum {copy} >{os.devnull}", shell=True, check=True),
        before=os.sync,
    )
    for name, ours in (("put", ours_in), ("get", ours_out)):
        yield Row(f"directory: {name} 1 GiB", ours, "cp", plain, goal=FAST_ENOUGH)
        yield Row(f"directory: {name} 1 GiB", ours, "cp, sha256sum", hashed, goal=FAST_ENOUGH)


def _small_files(top: Path) -> Iterator[Row]:
    for number in range(10_000):
        path = top / "work" / "out" / f"{number // 100:02}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(4096))
    for form in ("tar", "files"):
        yield from _directory_as(form, open_store(str(top / f"store-{form}")), top)


def _directory_as(form: str, store: ArtifactStore, top: Path) -> Iterator[Row]:
    """Each round makes files anew, as replacing costs more; removing them is not measured."""
    output, kept = ArtifactOutput("many", "out", archive=form), {}

    def keep(number: int) -> None:
        kept[number] = collect(store, output, top / "work", f"{number}/")

    def lay(number: int) -> None:
        place(store, kept[number], top / f"placed-{form}-{number}")

    def copy(number: int) -> None:
        run(["cp", "-r", top / "work" / "out", top / f"copied-{form}-{number}"], check=True)

    ours_in, ours_out, plain = best_of(ROUNDS, keep, lay, copy, before=os.sync)
    yield Row(f"directory: keep 10,000 x 4 KiB ({form})", ours_in, "cp -r", plain, goal=FAST_ENOUGH)
    yield Row(f"directory: place 10,000 x 4 KiB ({form})", ours_out, "cp -r", plain, goal=FAST_ENOUGH)


def _s3(server: str, top: Path) -> Iterator[Row]:
    source, got = _file(top, GIB), top / "got"
    with servers.running(server, top / server) as running:
        store, peer = open_store(f"s3://{servers.BUCKET}", running.access), servers.client(running.access)
        stored = store.put_file("key", source)
        times = best_of(
            ROUNDS,
            lambda _: store.put_file("key", source),
            lambda _: peer.fput_object(servers.BUCKET, "peer", str(source), num_parallel_uploads=1),
            lambda _: peer.fput_object(servers.BUCKET, "peer", str(source)),
            lambda _: store.get_file("key", got, size=stored.size, sha256=stored.sha256),
            lambda _: peer.fget_object(servers.BUCKET, "peer", str(got)),
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
    done.check_returncode()
    for line in done.stdout.splitlines():
        way, peak = line.split()
        yield Row(f"{name}: memory to {way} 5 GiB", int(peak), "limit", 200, unit="MiB", goal=SMALL_ENOUGH)


def _file(top: Path, size: int) -> Path:
    path = top / "source"
    if not path.exists():
        with open(path, "wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
    return path


if __name__ == "__main__":
    print(show(rows()))
