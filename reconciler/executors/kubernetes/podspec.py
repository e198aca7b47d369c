"""From the call of a step to the manifest of its pod. Pure, and the most looked-at part.

One function renders three layouts. `plain`: the main container alone, after a `fetch` if there are inputs.
`sidecar`: an agent beside it, which stores the outputs once it is told that main has ended. `chain`: main
as the last init container and `put` after it, so that no agent ever runs beside the step.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import LaunchRejected
from reconciler.executors import command, paths
from reconciler.executors.kubernetes import agent, asked, mounts, names, note, security
from reconciler.executors.kubernetes.errand import ERRAND_OBJECT, Errand, Mount, for_agent
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.model import codec
from reconciler.model.run import StepCall

SCRIPT_BYTES = 100 * 1024
"""The largest script that travels with the pod, as an annotation; a larger one comes with the agent."""

POD_BYTES = 1024 * 1024
"""The largest pod; the cluster's store takes one and a half times as much."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pod is made up: whether inputs are fetched, whether outputs are put, and the order of it."""

    name: str
    fetch: bool
    put: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """The ConfigMap that owns the pods of a run."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A pod; and what must lie in the store at `errand_key` first, where that is too much for the pod."""

    pod: dict[str, Any]
    errand_key: str = ""
    errand: str = ""


def layout(call: StepCall, *, chain: bool) -> Layout:
    """What this call needs; `chain` where the cluster has no sidecars, or the operator wants none."""
    put = bool(call.parameter_outputs or call.artifact_outputs)
    fetch = bool(call.input_files or call.input_texts or call.bundle or _is_large(call))
    name = "plain" if not put else "chain" if chain or call.exclusive else "sidecar"
    return Layout(name, fetch, put)


def render(call: StepCall, options: KubernetesOptions, chosen: Layout) -> Rendered:
    """The pod of an attempt, without its owner. Raises LaunchRejected for what may never run here."""
    command.check(call)
    asked.check(call.pod, options)
    for secret in call.secrets:
        asked.check_secret(secret.name, options)
    if not (call.image or options.image):
        raise LaunchRejected(
            "the step names no image, and there is none by default", hint="Set image, or kubernetes.image."
        )
    shared = mounts.shared(call)
    given, errand = _for_agent(call, shared, options, chosen)
    rendered = {"apiVersion": "v1", "kind": "Pod", "metadata": _metadata(call, options, chosen)}
    rendered["spec"] = _spec(call, options, chosen, shared, given)
    size = len(json.dumps(rendered))
    if size > POD_BYTES:
        raise LaunchRejected(
            f"the pod of this step would have {size} bytes, more than the cluster can keep",
            hint="Pass large values as files: give the input a path, or make it an artifact.",
        )
    return Rendered(rendered, call.prefix + ERRAND_OBJECT if errand else "", errand)


def owned(pod: dict[str, Any], anchor: Anchor | None) -> dict[str, Any]:
    """The pod, going when its run's anchor goes."""
    if anchor is None:
        return pod
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": anchor.name, "uid": anchor.uid}
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": [owner]}}


def spec_hash(call: StepCall) -> str:
    """What makes another pod under the same name a stranger; variables are left out, since a newer
    release may add some."""
    text = json.dumps(codec.encode(replace(call, env={})), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_large(call: StepCall) -> bool:
    return call.script is not None and len(call.script.encode("utf-8", "replace")) > SCRIPT_BYTES


def _for_agent(
    call: StepCall, shared: tuple[Mount, ...], options: KubernetesOptions, chosen: Layout
) -> tuple[agent.Given | None, str]:
    if not (chosen.fetch or chosen.put):
        return None, ""
    large = _is_large(call)
    if large:
        shared = (*shared, Mount(paths.SCRIPT, "script/script", writable=False))
    return agent.given(Errand(for_agent(call, with_script=large), shared), options)


def _metadata(call: StepCall, options: KubernetesOptions, chosen: Layout) -> dict[str, Any]:
    key = call.key
    limits = call.pod.get("resources", {}).get("limits", {})
    said = note.Note(
        key=key,
        prefix=call.prefix,
        layout=chosen.name,
        answers=chosen.put,
        memory=str(limits.get("memory", "")),
        program=command.program(call)[:200],
        timeout=call.timeout,
    )
    labels = {**options.labels, **call.pod.get("labels", {})}
    labels |= {names.MANAGED_BY: names.MANAGER, names.INSTANCE: options.instance}
    labels |= {names.RUN: names.run_label(key.run_id), names.KIND: "step"}
    if options.queue:
        labels["kueue.x-k8s.io/queue-name"] = options.queue
    annotations = {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        "kubectl.kubernetes.io/default-container": "main",
        **options.annotations,
        **call.pod.get("annotations", {}),
        names.NOTE: note.dump(said),
        names.HASH: spec_hash(call),
    }
    if call.script is not None and not _is_large(call):
        annotations[names.SCRIPT] = call.script
    return {
        "name": names.pod_name(key),
        "labels": labels,
        "annotations": annotations,
        "finalizers": [names.FINALIZER],
    }


def _spec(
    call: StepCall,
    options: KubernetesOptions,
    chosen: Layout,
    shared: tuple[Mount, ...],
    given: agent.Given | None,
) -> dict[str, Any]:
    pod, context = call.pod, call.pod.get("securityContext", {})
    main, volumes = _main(call, options, shared)
    init = asked.sidecars(pod, security.of_step({}, options))
    containers = [main]
    if given is not None:
        rights = security.of_agent(context, options)
        volumes += agent.volumes(options)
        if chosen.fetch:
            init.insert(0, agent.container("fetch", agent.FETCH, given, options, rights))
        if chosen.name == "sidecar":
            beside = agent.container("agent", agent.BESIDE, given, options, rights)
            init.append({**beside, "restartPolicy": "Always"})
        if chosen.name == "chain":
            init.append(main)
            containers = [agent.container("put", agent.PUT, given, options, rights)]
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _grace(options, chosen),
        "securityContext": security.of_pod(context, options),
        "containers": containers,
        "volumes": volumes,
    }
    if init:
        spec["initContainers"] = init
    if call.timeout is not None:
        budget = options.start_patience + call.timeout + (options.upload_budget if chosen.put else 0)
        spec["activeDeadlineSeconds"] = max(1, math.ceil(budget))
    return spec | _placement(call, options)


def _grace(options: KubernetesOptions, chosen: Layout) -> int:
    """An agent beside the step has, from the end of the step on, this time to store what it left."""
    return max(1, math.ceil(options.upload_budget if chosen.name == "sidecar" else options.grace))


def _placement(call: StepCall, options: KubernetesOptions) -> dict[str, Any]:
    pod = call.pod
    found = {key: pod[key] for key in asked.COPIED if key in pod}
    found |= {key: pod[key] for key in ("priorityClassName", "runtimeClassName") if key in pod}
    if options.node_selector:
        found["nodeSelector"] = {**pod.get("nodeSelector", {}), **options.node_selector}
    if options.tolerations:
        found["tolerations"] = [*pod.get("tolerations", ()), *(dict(one) for one in options.tolerations)]
    if account := pod.get("serviceAccountName", options.service_account):
        found["serviceAccountName"] = account
    pulls = dict.fromkeys((*options.image_pull_secrets, *pod.get("imagePullSecrets", ())))
    if pulls:
        found["imagePullSecrets"] = [{"name": name} for name in pulls]
    return found


def _main(
    call: StepCall, options: KubernetesOptions, shared: tuple[Mount, ...]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The container of the step, which has its own image and entrypoint, and its volumes."""
    context = call.pod.get("securityContext", {})
    env = {"HOME": paths.HOME, "TMPDIR": "/tmp", **call.env}
    volumes: list[dict[str, Any]] = [{"name": "io", "emptyDir": {}}]
    mounted = mounts.to_volume_mounts((*shared, *mounts.working_mounts(call)), "io")
    for more_volumes, more_mounts in (_script(call), _secret_files(call), asked.volumes(call.pod)):
        volumes += more_volumes
        mounted += more_mounts
    main: dict[str, Any] = {
        "name": "main",
        "image": call.image or options.image,
        "workingDir": paths.working_directory(call.working_dir),
        "env": [*asked.environment(env), *_secret_variables(call)],
        "securityContext": security.of_step(context, options),
        "volumeMounts": mounted,
    }
    vector = command.vector(call, paths.SCRIPT)
    if vector is not None:
        main["command"] = [asked.literal(word) for word in vector]
    elif call.args:
        main["args"] = [asked.literal(word) for word in call.args]
    if options.pull_policy:
        main["imagePullPolicy"] = options.pull_policy
    if "resources" in call.pod:
        main["resources"] = call.pod["resources"]
    return main, volumes


def _script(call: StepCall) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The script's file: out of the pod's own annotation, or where the agent has put it."""
    if call.script is None:
        return [], []
    mount = {"mountPath": paths.SCRIPT, "subPath": "script", "readOnly": True}
    if _is_large(call):
        return [], [{"name": "io", **mount, "subPath": "script/script"}]
    field = {"fieldPath": f"metadata.annotations['{names.SCRIPT}']"}
    item = {"path": "script", "mode": 0o555, "fieldRef": field}
    return [{"name": "script", "downwardAPI": {"items": [item]}}], [{"name": "script", **mount}]


def _secret_files(call: StepCall) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = []
    mounted: list[dict[str, Any]] = []
    for number, secret in enumerate(call.secrets):
        if secret.path is None:
            continue
        seen = paths.inside(secret.path, call.working_dir)
        mounts.check(seen, "the secret's path")
        name = f"secret-{number}"
        items = [{"key": secret.key, "path": "value"}]
        source = {"secretName": secret.name, "items": items, "defaultMode": 0o400}
        volumes.append({"name": name, "secret": source})
        mounted.append({"name": name, "mountPath": seen, "subPath": "value", "readOnly": True})
    return volumes, mounted


def _secret_variables(call: StepCall) -> list[dict[str, Any]]:
    return [
        {"name": s.env, "valueFrom": {"secretKeyRef": {"name": s.name, "key": s.key}}}
        for s in call.secrets
        if s.env is not None
    ]
