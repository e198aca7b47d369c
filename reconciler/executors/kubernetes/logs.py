"""What the main container of a pod says, copied to a file through the API as it is said.

A log can be read while its container runs and as long as its node keeps it. Of a pod that is being deleted
the node soon keeps nothing, so it must be followed to its end from before it was told to stop.
"""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import closing, suppress
from pathlib import Path

from reconciler.errors import ExecutorUnavailable, PermanentError
from reconciler.executors.kubernetes.client import Client, Refused, patiently

SILENCE = 3600.0
"""Seconds without a line after which a followed log is asked for anew."""

PATIENCE = 20.0

_EXCUSES = (b"unable to retrieve container logs for ", b"failed to try resolving symlinks in path ")
"""What a kubelet answers, with status 200, once it has removed the container."""


class Log:
    """The log of one container, as a file in `directory`; removed by `close`."""

    def __init__(self, client: Client, pod: str, directory: Path, *, follow: bool) -> None:
        self._client = client
        self._pod = pod
        self._follow = follow
        directory.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=directory, prefix="log-")
        os.close(descriptor)
        self.path = Path(name)
        self.is_missing = False
        self._opened = threading.Event()
        self._ended = threading.Event()
        self._stopping = threading.Event()

    def begin(self) -> None:
        """Copy in a thread of its own."""
        threading.Thread(target=self.copy, name="reconciler-log", daemon=True).start()

    def copy(self) -> None:
        """Copy to the end; afterwards `is_missing` says whether there was nothing to copy."""
        try:
            patiently(self._copy, self._stopping, PATIENCE)
            self.is_missing = self.is_missing or self._is_excuse()
        except (ExecutorUnavailable, PermanentError, OSError):
            self.is_missing = True
        finally:
            self._opened.set()
            self._ended.set()

    def wait_until_open(self, timeout: float) -> None:
        """Return once the cluster has begun to answer, or will not."""
        self._opened.wait(timeout)

    def wait_until_ended(self, timeout: float) -> bool:
        return self._ended.wait(timeout)

    def read(self, offset: int, size: int) -> bytes:
        """What has been copied from byte `offset` on."""
        if self._ended.is_set() and self.is_missing:
            return b""
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    def size(self) -> int:
        return self.path.stat().st_size

    def close(self) -> None:
        self._stopping.set()
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _copy(self) -> None:
        path = self._client.namespaced("pods", self._pod, "log")
        query = {"container": "main", "follow": "true" if self._follow else ""}
        try:
            with (
                open(self.path, "wb", buffering=0) as file,
                closing(self._client.stream(path, query, silence=SILENCE)) as chunks,
            ):
                for chunk in chunks:
                    self._opened.set()
                    file.write(chunk)
                    if self._stopping.is_set():
                        return
        except Refused as error:
            if error.status not in (400, 404):
                raise
            self.is_missing = True  # it never ran, or its node has forgotten it

    def _is_excuse(self) -> bool:
        return self.size() < 4096 and self.path.read_bytes().startswith(_EXCUSES)


def follow(client: Client, pod: str, directory: Path, patience: float = 2.0) -> Log:
    """A log that is being followed; returns when the cluster has begun to answer, or after `patience` s."""
    log = Log(client, pod, directory, follow=True)
    log.begin()
    log.wait_until_open(patience)
    return log


def whole(client: Client, pod: str, directory: Path, followed: Log | None, patience: float) -> Log:
    """The log of a container that has ended: what was followed of it, else what its node still has."""
    if followed is not None:
        if followed.wait_until_ended(patience) and not followed.is_missing:
            return followed
        followed.close()
    log = Log(client, pod, directory, follow=False)
    log.copy()
    return log
