"""What the operator decides about pods: a group of settings with a page of its own, since there are many."""

from __future__ import annotations

from reconciler.settings.about import Group, Kind, setting
from reconciler.settings.values import BOOLEAN, DURATION, LIST, PAIRS, PATH, TEXT, choice, integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.settings.about import Text

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _tolerations(text: Text, base: str) -> tuple[str, ...]:
    found: tuple[str, ...] = LIST.read(text, base)
    for each in found:
        taint, colon, effect = each.rpartition(":")
        if not colon or not taint or effect not in _EFFECTS:
            raise ValueError(f"must be a list of key:effect or key=value:effect; '{each}' is not")
    return found


TOLERATIONS = Kind("list", _tolerations)


class Kubernetes(Group):
    """Where pods run and how they look, with `executor.name: kubernetes`."""

    namespace: str = setting(
        TEXT,
        "The namespace of the pods: one for workflows alone.",
        default="",
        example="workflows",
        otherwise="that of the kubeconfig, or of the pod that the pass runs in",
    )
    instance: str = setting(
        TEXT,
        "Tells the pods of several installations in one namespace apart.",
        default="reconciler",
        example="reconciler",
    )
    kubeconfig: str = setting(
        PATH,
        "How to reach the cluster from outside.",
        default="",
        example="/etc/reconciler/kubeconfig",
        otherwise="the service account of the pod, else ~/.kube/config",
    )
    context: str = setting(
        TEXT, "The context of the kubeconfig.", default="", example="prod", otherwise="the current one"
    )
    agent_image: str = setting(
        TEXT,
        "The image of the agents that move files into and out of pods: that of Reconciler itself.",
        default="",
        example="registry.example.com/reconciler:0.1.0",
    )
    agent_memory: str = setting(TEXT, "The memory limit of an agent.", default="256Mi", example="512Mi")
    image: str = setting(TEXT, "The image of steps that name none.", default="", example="python:3.12-slim")
    pull_policy: str = setting(
        choice("Always", "IfNotPresent", "Never"),
        "When images are pulled.",
        default="",
        example="IfNotPresent",
        otherwise="what the cluster does",
    )
    image_pull_secrets: tuple[str, ...] = setting(
        LIST, "Secrets for registries, given to every pod.", default=(), example="registry"
    )
    layout: str = setting(
        choice("auto", "sidecar", "chain"),
        "Whether agents run beside the step or after it; `auto`: beside it from Kubernetes 1.29 on.",
        default="auto",
        example="chain",
    )
    logs: bool = setting(
        BOOLEAN, "Whether the logs of steps are stored as artifacts.", default=True, example="false"
    )
    upload_budget: float = setting(
        DURATION, "The time that an agent has for storing outputs.", default=600.0, example="30m"
    )
    start_patience: float = setting(
        DURATION,
        "A pod that cannot start for so long (no such image, no room, no Secret) has failed.",
        default=300.0,
        example="10m",
    )
    lost_after: float = setting(
        DURATION,
        "A pod that should have ended and is silent for so long is lost with its node; 0: never.",
        default=300.0,
        example="5m",
    )
    store_endpoint: str = setting(
        TEXT,
        "Host and port of the S3 server as pods reach it.",
        default="",
        example="minio.storage:9000",
        otherwise="store.endpoint",
    )
    store_secret: str = setting(
        TEXT,
        "The Secret with `access-key` and `secret-key` of the store, in the namespace of the pods.",
        default="reconciler-s3",
        example="reconciler-s3",
    )
    profile: str = setting(
        choice("restricted", "baseline"),
        "The Pod Security level that pods keep.",
        default="restricted",
        example="baseline",
    )
    user: int = setting(
        integer(0), "The user id of steps and agents; 0: that of each image.", default=10001, example="10001"
    )
    group: int = setting(
        integer(0), "The group id of steps and agents; 0: that of each image.", default=10001, example="10001"
    )
    service_account: str = setting(
        TEXT,
        "The service account of pods; it needs no rights.",
        default="",
        example="steps",
        otherwise="default",
    )
    service_accounts: tuple[str, ...] = setting(
        LIST, "Other service accounts that a step may name.", default=(), example="spark,ml"
    )
    secret_prefixes: tuple[str, ...] = setting(
        LIST,
        "How the names of the Secrets begin that steps may read.",
        default=(),
        example="wf-",
        otherwise="every Secret but the store's",
    )
    volume_kinds: tuple[str, ...] = setting(
        LIST,
        "The kinds of volumes that a step may mount.",
        default=("emptyDir", "configMap", "secret", "persistentVolumeClaim"),
        example="emptyDir,persistentVolumeClaim",
    )
    pull_secrets: tuple[str, ...] = setting(
        LIST, "Secrets for registries that a step may name.", default=(), example="team-registry"
    )
    priority_classes: tuple[str, ...] = setting(
        LIST, "Priority classes that a step may name.", default=(), example="low,high"
    )
    runtime_classes: tuple[str, ...] = setting(
        LIST, "Runtime classes that a step may name.", default=(), example="gvisor"
    )
    manifest_types: tuple[str, ...] = setting(
        LIST,
        "What a step with a manifest may apply: kind, group and version.",
        default=(),
        example="Job.batch/v1,SparkApplication.sparkoperator.k8s.io/v1beta2",
    )
    queue: str = setting(TEXT, "The Kueue queue that pods wait in.", default="", example="workflows")
    labels: tuple[str, ...] = setting(
        PAIRS, "Labels for every pod.", default=(), example="team=growth,cost=42"
    )
    annotations: tuple[str, ...] = setting(
        PAIRS, "Annotations for every pod.", default=(), example="example.com/owner=growth"
    )
    node_selector: tuple[str, ...] = setting(
        PAIRS, "Labels that a node must have.", default=(), example="pool=batch"
    )
    tolerations: tuple[str, ...] = setting(
        TOLERATIONS, "Taints that pods put up with.", default=(), example="batch=true:NoSchedule"
    )
    rate: int = setting(integer(1), "The most writes to the cluster in a second.", default=500, example="50")
    writers: int = setting(
        integer(1), "How many writes to the cluster may be under way at once.", default=16, example="8"
    )
