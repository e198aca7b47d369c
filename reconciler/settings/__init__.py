"""What the operator decides, as one frozen value: `read_settings()` reads it, `table()` explains it."""

from __future__ import annotations

from reconciler.settings.groups import Executor, Ledger, Repository, Store
from reconciler.settings.kubernetes import Kubernetes
from reconciler.settings.passes import Lease, Limits, Logging, Pass, State
from reconciler.settings.sources import read_settings, require
from reconciler.settings.table import Setting, Settings, table
from reconciler.settings.values import Secret, read_secret, shown

__all__ = [
    "Executor",
    "Kubernetes",
    "Lease",
    "Ledger",
    "Limits",
    "Logging",
    "Pass",
    "Repository",
    "Secret",
    "Setting",
    "Settings",
    "State",
    "Store",
    "read_secret",
    "read_settings",
    "require",
    "shown",
    "table",
]
