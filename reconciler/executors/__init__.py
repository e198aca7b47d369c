"""Where steps run. A new executor is one package here and one line in the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.executors.base import Executor


def _local(*arguments: Any, **named: Any) -> Executor:
    from reconciler.executors.local.executor import LocalExecutor

    return LocalExecutor(*arguments, **named)


def _kubernetes(*arguments: Any, **named: Any) -> Executor:
    from reconciler.executors.kubernetes.executor import KubernetesExecutor

    return KubernetesExecutor(*arguments, **named)


EXECUTORS: Mapping[str, Callable[..., Executor]] = {"local": _local, "kubernetes": _kubernetes}
"""By the name in the settings; each is imported when it is chosen."""
