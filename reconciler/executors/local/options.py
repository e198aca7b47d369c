"""What the operator decides about local steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.executors.transfer import Bounds

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Options(Bounds):
    """`isolation` is auto, bubblewrap or none; `images` is none, auto, podman or docker.

    `hidden` are paths no step may see, besides the directory of attempts and the usual places of
    credentials; `secrets` is the directory with the secrets of steps. `environment` is the pass's own: used
    to find and to run podman or docker, and to look for secrets; never given to a step. Times in seconds,
    sizes in bytes.
    """

    slots: int = 4
    isolation: str = "auto"
    images: str = "none"
    network: bool = True
    path: str = STANDARD_PATH
    grace: float = 10.0
    hidden: tuple[Path, ...] = ()
    secrets: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
