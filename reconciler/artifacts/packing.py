"""Outputs into the store and inputs out of it: what an executor calls after and before a step."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.artifacts import tarball, tree
from reconciler.artifacts.base import ArtifactStore
from reconciler.artifacts.beneath import OutputMissing, OutputRefused, opened
from reconciler.artifacts.content_type import guess
from reconciler.artifacts.keys import PARTIAL
from reconciler.artifacts.localfile import make_executable, translated
from reconciler.artifacts.stream import Measured, verify
from reconciler.errors import PermanentError
from reconciler.model.run import Artifact
from reconciler.model.workflow import ArtifactOutput

__all__ = ["OutputMissing", "OutputRefused", "collect", "place", "store_bundle"]

_SPOOLED = 8 << 20


def collect(
    store: ArtifactStore, output: ArtifactOutput, root: Path, prefix: str, *, path: str | None = None
) -> Artifact | None:
    """Store what a step left at `path` (default: the output's own) below the directory `root`.

    None when it is optional and not there. Raises OutputMissing and OutputRefused for what is the step's own
    doing, and what the store raises. Nothing is recorded or visible as an artifact unless this returns.
    """
    where = output.path if path is None else path
    try:
        with translated(root / where, "read"), opened(root, where) as descriptor:
            key = f"{prefix}artifacts/{output.name}"
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                return _collect_file(store, output, key, descriptor)
            if output.archive == "files":
                size, sha256 = tree.collect(store, key, descriptor)
                return Artifact(output.name, key, size, sha256, "files", tree.CONTENT_TYPE)
            with tarball.pack(descriptor) as stream:
                stored = store.put(key, stream, content_type=tarball.CONTENT_TYPE)
            return Artifact(output.name, key, stored.size, stored.sha256, "tar", tarball.CONTENT_TYPE)
    except OutputMissing:
        if output.optional:
            return None
        raise
    except OutputRefused as error:
        raise OutputRefused(f"Output {output.name!r} ({where}): {error.message}", hint=error.hint) from error


def _collect_file(store: ArtifactStore, output: ArtifactOutput, key: str, descriptor: int) -> Artifact:
    content_type = output.content_type or guess(output.path)
    with open(descriptor, "rb", buffering=0, closefd=False) as source:
        stored = store.put(key, source, content_type=content_type)
    executable = bool(os.fstat(descriptor).st_mode & stat.S_IXUSR)
    return Artifact(output.name, key, stored.size, stored.sha256, "file", content_type, executable)


def place(store: ArtifactStore, artifact: Artifact, destination: Path) -> None:
    """Put a stored artifact at `destination`, verified: the file or the whole directory appears, or nothing.

    A file there is replaced, an empty directory too; a full one is a PermanentError.
    """
    if artifact.form == "file":
        store.get_file(artifact.key, destination, size=artifact.size, sha256=artifact.sha256)
        if artifact.executable:
            with translated(destination, "make executable"):
                make_executable(destination)
        return
    with _arriving(destination) as directory:
        if artifact.form == "files":
            tree.place(store, artifact, directory)
        elif artifact.form == "tar":
            _place_tar(store, artifact, directory)
        else:
            raise PermanentError(
                f"{artifact.key} has the form {artifact.form!r}, which this release does not know."
            )


def _place_tar(store: ArtifactStore, artifact: Artifact, directory: Path) -> None:
    with store.open(artifact.key) as stream, Measured(stream) as measured:
        tarball.unpack(measured, directory)
        verify(f"The artifact {artifact.key}", measured.finish(), artifact.size, artifact.sha256)


@contextmanager
def _arriving(destination: Path) -> Iterator[Path]:
    """A directory that appears at `destination` when the block ends well; else nothing does."""
    partial = destination.parent / f"{PARTIAL}{os.urandom(8).hex()}"
    with translated(destination, "write"):
        partial.mkdir(parents=True)
        try:
            yield partial
            partial.rename(destination)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def store_bundle(store: ArtifactStore, files: Iterable[tuple[str, bool, bytes]]) -> Artifact:
    """The files (path, executable, content) that a step takes along, as one tar stored under its own hash.

    The same files are stored once, whatever step or run they belong to.
    """
    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as spool:
        digest = hashlib.sha256()
        for block in tarball.pack_files(files):
            digest.update(block)
            spool.write(block)
        sha256, size = digest.hexdigest(), spool.tell()
        key = f"files/{sha256}.tar"
        if store.stat(key) != size:
            spool.seek(0)
            store.put(key, spool, content_type=tarball.CONTENT_TYPE)  # type: ignore[arg-type]
    return Artifact("files", key, size, sha256, "tar", tarball.CONTENT_TYPE)
