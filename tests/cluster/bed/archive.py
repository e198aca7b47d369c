"""Container images as files (`docker load` format), without registry or builder: one layer, one command."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Named:
    """One image of an archive: its full name, and what runs when nobody says otherwise."""

    name: str
    command: Sequence[str]


def write(path: Path, layer: Path, images: Sequence[Named]) -> None:
    """Write the images, all of the same uncompressed layer, to `path`; there is never half a file."""
    digest = _sha256(layer)
    with replacing(path) as part, tarfile.open(part, "w") as tar:
        tar.add(layer, f"{digest}/layer.tar")
        manifest = []
        for image in images:
            config = json.dumps(_config(digest, image.command)).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(tar, name, config)
            manifest.append({"Config": name, "RepoTags": [image.name], "Layers": [f"{digest}/layer.tar"]})
        _add(tar, "manifest.json", json.dumps(manifest).encode())


def write_layer(
    path: Path, programs: Mapping[str, Path], links: Mapping[str, str], texts: Mapping[str, str]
) -> None:
    """A root file system of some programs, symbolic links and texts, with a /tmp for everybody."""
    with replacing(path) as part, tarfile.open(part, "w") as tar:
        for directory, mode in {"tmp": 0o1777, "root": 0o755, "home": 0o755, "var": 0o755}.items():
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for target, source in programs.items():
            _add(tar, target, source.read_bytes(), 0o755)
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
        for name, text in texts.items():
            _add(tar, name, text.encode())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends well."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _config(layer: str, command: Sequence[str]) -> dict[str, object]:
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": list(command),
        },
        "history": [{"created_by": "the test bed"}],  # builders count one entry per layer
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    }


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
