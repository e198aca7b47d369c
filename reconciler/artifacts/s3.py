"""Artifacts in an S3 bucket: MinIO, AWS, Ceph, Garage, SeaweedFS; plain SigV4 and nothing beyond it.

A process that is killed in the middle of a large upload leaves parts that nobody sees and somebody pays for.
MinIO removes them after a day; elsewhere give the bucket a lifecycle rule `AbortIncompleteMultipartUpload`.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.artifacts.base import Stored, probe
from reconciler.artifacts.keys import check_key, check_prefix
from reconciler.artifacts.localfile import appearing
from reconciler.artifacts.localfile import translated as file_translated
from reconciler.artifacts.s3_client import PATIENT, Patience, S3Access, connect
from reconciler.artifacts.s3_errors import translated
from reconciler.artifacts.s3_multipart import SENDERS, Target, send
from reconciler.artifacts.s3_object import open_object
from reconciler.artifacts.stream import pour, verify
from reconciler.errors import ArtifactNotFound, PermanentError

_AT_ONCE = 4
"""Puts and gets side by side for which the pool keeps connections; more wait for one."""


class S3Store:
    """Each key is an object below the prefix of the bucket."""

    def __init__(self, access: S3Access, patience: Patience = PATIENT) -> None:
        self._access, self._patience = access, patience
        self._prefix = check_prefix(access.prefix.strip("/"))

    def put(self, key: str, source: BinaryIO, *, content_type: str = "application/octet-stream") -> Stored:
        target = Target(self._client, self._access.bucket, self._name(key), content_type, self._address(key))
        size, sha256 = send(target, source)
        return Stored(key, size, sha256)

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> Stored:
        with file_translated(path, "read"), open(path, "rb", buffering=0) as source:
            return self.put(key, source, content_type=content_type)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        return open_object(self._client, self._access.bucket, self._name(key), offset)

    def get_file(self, key: str, path: Path, *, size: int, sha256: str) -> None:
        with self.open(key) as source, appearing(path) as write:
            verify(f"The artifact {self._address(key)}", pour(source, write), size, sha256)

    def stat(self, key: str) -> int | None:
        try:
            with translated(self._address(key)):
                return int(self._client.stat_object(self._access.bucket, self._name(key)).size)
        except ArtifactNotFound:
            return None

    def keys(self, prefix: str) -> Iterator[str]:
        start = check_prefix(prefix)
        with translated(self._address(start)):
            for found in self._client.list_objects(self._access.bucket, self._prefix + start, recursive=True):
                yield found.object_name.removeprefix(self._prefix)

    def delete(self, prefix: str) -> None:
        from minio.deleteobjects import DeleteObject

        if not prefix:
            raise PermanentError("Only what lies below a prefix can be deleted, not the whole store.")
        names = (DeleteObject(self._prefix + key) for key in self.keys(prefix))
        with translated(self._address(prefix)):
            kept = list(self._client.remove_objects(self._access.bucket, names))
        if kept:
            raise PermanentError(
                f"{self._address(kept[0].name.removeprefix(self._prefix))} cannot be deleted "
                f"({kept[0].code}: {kept[0].message}), nor can {len(kept) - 1} others."
            )

    def link(self, key: str) -> str:
        if not self._access.public_url:
            return self._address(key)
        name = urllib.parse.quote(self._name(key))
        return self._access.public_url.replace("{bucket}", self._access.bucket).replace("{key}", name)

    def check(self) -> str:
        probe(self)
        return (
            f"Artifacts go to {self._address('')} at {self._access.endpoint}; "
            "an object was written, read and deleted there."
        )

    @cached_property
    def _client(self) -> Any:
        return connect(self._access, self._patience, connections=SENDERS * _AT_ONCE)

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _address(self, key: str) -> str:
        return f"s3://{self._access.bucket}/{self._prefix}{key}"
