"""What the operator decides about pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.executors.transfer import Bounds


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """How agents reach the artifact store; the keys are in a Secret of the namespace (`access-key`,
    `secret-key`) that is mounted into agents alone. Without `url` only plain steps can run."""

    url: str = ""
    endpoint: str = ""
    region: str = ""
    secure: bool = True
    secret: str = "reconciler-s3"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a definition may ask for in its `pod` and `secrets`; an empty tuple allows none, except that no
    prefix at all allows every Secret but the store's."""

    secret_prefixes: tuple[str, ...] = ()
    volume_kinds: tuple[str, ...] = ("emptyDir", "configMap", "secret", "persistentVolumeClaim")
    service_accounts: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    priority_classes: tuple[str, ...] = ()
    runtime_classes: tuple[str, ...] = ()
    manifest_types: tuple[str, ...] = ()
    """As `Job.batch/v1` or `Pod.v1`: kind, group and version."""


@dataclass(frozen=True, slots=True)
class KubernetesOptions(Bounds):
    """Where pods run and how they look. Times in seconds, sizes in bytes.

    `profile` is restricted or baseline (Pod Security); `layout` auto, sidecar or chain. `user` and `group`
    are those of steps and agents; None in the profile baseline leaves the step to its image.
    `start_patience` is how long a pod may fail to start; `lost_after` how long one may fail to stop before
    its node counts as gone.
    """

    namespace: str = ""
    instance: str = "reconciler"
    kubeconfig: str = ""
    context: str = ""
    slots: int = 1000
    grace: float = 10.0
    image: str = ""
    agent_image: str = ""
    agent_memory: str = "256Mi"
    pull_policy: str = ""
    layout: str = "auto"
    logs: bool = True
    upload_budget: float = 600.0
    start_patience: float = 300.0
    lost_after: float = 300.0
    store: StoreAccess = StoreAccess()
    profile: str = "restricted"
    user: int | None = 10001
    group: int | None = 10001
    service_account: str = ""
    policy: Policy = Policy()
    queue: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    rate: float = 500.0
    burst: int = 500
    writers: int = 16
