"""Steps as processes of this machine."""

from reconciler.executors.local.executor import LocalExecutor
from reconciler.executors.local.options import Options

__all__ = ["LocalExecutor", "Options"]
