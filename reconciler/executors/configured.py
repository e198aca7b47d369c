"""The executor that the operator chose, made from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.artifacts import ArtifactStore
from reconciler.definition import workflow_from_document
from reconciler.executors import EXECUTORS
from reconciler.executors.base import Executor
from reconciler.executors.local.options import Options
from reconciler.settings import Settings, table
from reconciler.settings.values import PATH

if TYPE_CHECKING:
    from reconciler.executors.kubernetes.options import KubernetesOptions


def make_executor(
    settings: Settings,
    store: ArtifactStore,
    directory: Path,
    allow: Callable[[], None] = lambda: None,
    *,
    expecting: bool = False,
) -> Executor:
    """The executor that the settings name, keeping what it must below `directory`.

    `allow` is asked before each write that is made in the background, and raises where it must not be;
    `expecting` says that steps will most likely be started.
    """
    name, options = settings.executor.name, _options(settings)
    more: dict[str, Any] = {"allow": allow} if name == "kubernetes" else {"expecting": expecting}
    return EXECUTORS[name](directory, store, workflow_from_document, options, **more)


def local_options(settings: Settings) -> Options:
    """What the operator decides about steps on this machine."""
    chosen, limits = settings.executor, settings.limits
    return Options(
        slots=chosen.slots,
        isolation=chosen.isolation,
        images=chosen.images,
        network=chosen.network,
        path=chosen.path,
        grace=chosen.grace,
        patience=chosen.patience,
        parameter_bytes=limits.parameter_bytes,
        log_tail_bytes=limits.log_tail_bytes,
        hidden=tuple(
            Path(path) for path in (*chosen.hide, settings.state.directory, *_secret_files(settings))
        ),
        secrets=Path(chosen.secrets) if chosen.secrets else None,
        environment=os.environ,
    )


def _options(settings: Settings) -> Options | KubernetesOptions:
    if settings.executor.name == "kubernetes":
        from reconciler.executors.kubernetes.configured import options  # not for a pass on one machine

        return options(settings)
    return local_options(settings)


def _secret_files(settings: Settings) -> list[str]:
    """Every file that the settings name, and the settings file itself."""
    named = [row for row in table().values() if row.about.kind is PATH and row.name != "state.directory"]
    return [path for path in (*(str(row.of(settings)) for row in named), settings.config) if path]
