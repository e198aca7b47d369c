"""Where the files that steps pass on are kept, and how directories become objects and back.

A new store is one module with the methods of `base.ArtifactStore` and one line in `_STORES`; its test is a
dozen lines around `tests/artifacts/contract.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reconciler.artifacts.base import ArtifactStore, Stored
from reconciler.artifacts.s3_client import S3Access
from reconciler.errors import SettingsError

__all__ = ["ArtifactStore", "S3Access", "Stored", "open_store"]


def _directory(url: str, access: S3Access | None) -> ArtifactStore:
    from reconciler.artifacts.directory import DirectoryStore

    return DirectoryStore(Path(unquote(urlsplit(url).path) if ":" in url else url))


def _s3(url: str, access: S3Access | None) -> ArtifactStore:
    from reconciler.artifacts.s3 import S3Store

    if access is None:
        raise SettingsError(
            f"The artifact store {url} needs an endpoint, an access key and a secret key.",
            hint="`reconciler doctor` names the settings.",
        )
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return S3Store(replace(access, bucket=bucket, prefix=prefix))


_STORES: Mapping[str, Callable[[str, S3Access | None], ArtifactStore]] = {"file": _directory, "s3": _s3}


def open_store(url: str, access: S3Access | None = None) -> ArtifactStore:
    """The store that `url` names: a path, file:///path, or s3://bucket/prefix with `access` for the rest.

    Nothing is read, written or connected to before the first use.
    """
    scheme, separator, _ = url.partition("://")
    build = _STORES.get(scheme if separator else "file")
    if build is None:
        known = ", ".join(f"{name}://" for name in sorted(_STORES))
        raise SettingsError(
            f"There is no artifact store for {scheme}:// addresses.", hint=f"Use a path, or one of {known}."
        )
    return build(url, access)
