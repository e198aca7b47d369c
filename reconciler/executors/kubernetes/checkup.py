"""What `reconciler doctor` asks of a cluster: whether a pass would be let do its work there.

Nothing is made: rights are asked for by reviews of the caller's own access, and a pod like that of a step
is created as a rehearsal, which shows what Pod Security, quotas and admission rules of the namespace say.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes import podspec
from reconciler.executors.kubernetes.client import Client, Refused
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.resources import Resources
from reconciler.model.run import AttemptKey, StepCall
from reconciler.model.workflow import ArtifactOutput


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done to a resource; `part` is a subresource."""

    resource: str
    verbs: tuple[str, ...]
    part: str = ""
    group: str = ""


NEEDED = (
    Right("pods", ("get", "list", "watch", "create", "patch", "delete", "deletecollection")),
    Right("pods", ("get",), part="log"),
    Right("configmaps", ("get", "list", "create", "patch", "delete", "deletecollection")),
)
"""Without any of these, a pass cannot do its work in the namespace of the pods."""

TURNS = (Right("leases", ("get", "list", "create", "update"), group="coordination.k8s.io"),)
"""Nor without these in the namespace where passes take turns."""

WANTED = (Right("events", ("list",)),)
"""What is good to have: why a pod does not start."""

OF_OBJECTS = ("get", "list", "create", "delete")
"""What a pass does to the objects that stand for steps."""

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_KEYS = ("access-key", "secret-key")
_NO_AGENT = "steps with inputs, outputs or files cannot run"


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that was looked at. `is_needed` is False for what work goes on without."""

    subject: str
    text: str
    is_well: bool = True
    is_needed: bool = True
    hint: str = ""


def look(options: KubernetesOptions, lease_namespace: str = "") -> Iterator[Answer]:
    """Every answer; raises the client's errors where the cluster cannot be asked at all."""
    client = Client(options, threading.Event())
    home = Client(replace(options, namespace=lease_namespace), threading.Event())
    version = client.get("/version")
    yield Answer("cluster", f"Kubernetes {version['gitVersion']}, namespace {client.namespace}")
    yield from _rights(client, home)
    yield from _objects(client, options)
    yield from _agent(client, options)
    yield _rehearsal(client, options)


def _rights(client: Client, home: Client) -> Iterator[Answer]:
    lacking = [*_lacking(client, NEEDED), *_lacking(home, TURNS)]
    if lacking:
        hint = "The chart's Role has all that is needed; see `rbac` there."
        yield Answer("rights", f"not allowed: {', '.join(lacking)}", is_well=False, hint=hint)
    else:
        yield Answer("rights", "pods, logs, anchors and Leases may be had, as a pass needs them")
    if lacking := list(_lacking(client, WANTED)):
        text = f"not allowed: {', '.join(lacking)}; messages cannot say why a pod does not start"
        yield Answer("rights", text, is_well=False, is_needed=False)


def _lacking(client: Client, rights: tuple[Right, ...]) -> Iterator[str]:
    """What the caller may not do, as `create pods in workflows`."""
    for right in rights:
        refused = [verb for verb in right.verbs if not _may(client, verb, right)]
        if refused:
            what = f"{right.resource}/{right.part}".rstrip("/")
            yield f"{' and '.join(refused)} {what} in {client.namespace}"


def _may(client: Client, verb: str, right: Right) -> bool:
    asked = {"namespace": client.namespace, "verb": verb, "group": right.group}
    asked |= {"resource": right.resource, "subresource": right.part}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    review = client.create(_REVIEWS, {**kind, "spec": {"resourceAttributes": asked}})
    return bool(review["status"]["allowed"])


def _objects(client: Client, options: KubernetesOptions) -> Iterator[Answer]:
    """Whether what steps with a manifest may make is known to the cluster, and may be made by a pass."""
    resources = Resources(client)
    lacking, allowed = [], []
    for listed in options.policy.manifest_types:
        kind, _, api_version = listed.partition(".")
        try:
            plural = resources.path(api_version, kind).rpartition("/")[2]
        except LaunchRejected as unknown:
            hint = f"Install what defines it, or take '{listed}' out of kubernetes.manifest_types."
            yield Answer("manifests", unknown.message, is_well=False, hint=hint)
            continue
        refused = list(_lacking(client, (Right(plural, OF_OBJECTS, group=api_version.rpartition("/")[0]),)))
        lacking += refused
        allowed += [] if refused else [listed]
    if lacking:
        hint = "Allow it with `workflows.rules` of the chart, or a Role of your own."
        yield Answer("manifests", f"not allowed: {', '.join(lacking)}", is_well=False, hint=hint)
    if allowed:
        yield Answer("manifests", f"steps may make {', '.join(allowed)}")


def _agent(client: Client, options: KubernetesOptions) -> Iterator[Answer]:
    """What agents need: their image, a store that pods reach, and its keys."""
    if not options.agent_image:
        hint = "Set kubernetes.agent_image to the image of Reconciler."
        yield Answer("agent", f"there is no agent image: {_NO_AGENT}", is_well=False, hint=hint)
    if not options.store.url:
        hint = "Set store.url to an S3 bucket."
        yield Answer("agent", f"pods cannot reach the store: {_NO_AGENT}", is_well=False, hint=hint)
    if options.agent_image and options.store.url:
        yield Answer("agent", f"{options.agent_image}, with the store {options.store.url}")
        yield _secret(client, options.store.secret)


def _secret(client: Client, name: str) -> Answer:
    """Whether the store's keys are there; not to be allowed to look is how it should be."""
    try:
        data = client.get(client.namespaced("secrets", name)).get("data") or {}
    except Refused as refused:
        if refused.status == 403:
            return Answer(
                "keys", f"Secret '{name}' is not looked at: a pass may not read Secrets, as it should be"
            )
        hint = f"kubectl create secret generic {name} -n {client.namespace} --from-literal=access-key=..."
        return Answer("keys", f"there is no Secret '{name}' for the store", is_well=False, hint=hint)
    missing = [key for key in _KEYS if key not in data]
    if missing:
        return Answer("keys", f"Secret '{name}' has no {' and no '.join(missing)}", is_well=False)
    return Answer("keys", f"Secret '{name}' has the keys of the store; the pass may read it, and need not")


def _rehearsal(client: Client, options: KubernetesOptions) -> Answer:
    """Whether the namespace would take the pod of a step."""
    has_agent = bool(options.agent_image and options.store.url)
    outputs = (ArtifactOutput("model", "model"),) if has_agent else ()
    key = AttemptKey("reconciler-doctor", "rehearsal", 1)
    call = StepCall(
        key,
        "doctor/",
        command=("true",),
        image=options.image or options.agent_image or "busybox",
        artifact_outputs=outputs,
    )
    try:
        layout = podspec.layout(call, chain=options.layout == "chain")
        pod = podspec.render(call, options, layout).pod
        client.create(f"{client.namespaced('pods')}?dryRun=All", pod)
    except (Refused, LaunchRejected) as error:
        text = f"the pod of a step would not be taken: {error.message}"
        hint = f"Pods are made for the Pod Security level '{options.profile}' (kubernetes.profile)."
        return Answer("rehearsal", text, is_well=False, hint=hint)
    return Answer("rehearsal", f"the pod of a step would be taken, as {options.profile}")
