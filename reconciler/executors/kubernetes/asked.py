"""What a definition may ask of its pod, checked again at the last door. Pure.

The schema of definitions allows the same keys; here the operator's lists are applied too, and whatever is
not known here is refused, so that a newer schema cannot open what this renderer does not mean to open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes import mounts, names
from reconciler.executors.kubernetes.options import KubernetesOptions, Policy

COPIED = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints")
_KNOWN = {
    *COPIED,
    *("resources", "priorityClassName", "serviceAccountName", "runtimeClassName", "imagePullSecrets"),
    *("labels", "annotations", "securityContext", "volumes", "sidecars"),
}
_SECURITY = {"runAsUser", "runAsGroup", "readOnlyRootFilesystem"}
_VOLUME = {"name", "mountPath", "readOnly", "subPath"}
_SIDECAR = {"name", "image", "command", "args", "env", "ports", "resources", "readinessProbe", "startupProbe"}
_RESERVED = {"main", "fetch", "agent", "put"}
_FOREIGN = ("reconciler.dev", "kubernetes.io", "k8s.io", "karpenter.sh")


def check(pod: Mapping[str, Any], options: KubernetesOptions) -> None:
    """Raises LaunchRejected for the first thing that is not allowed."""
    policy = options.policy
    _only(pod, _KNOWN, "pod")
    _listed(pod.get("serviceAccountName"), policy.service_accounts, "serviceAccountName", "service_accounts")
    _listed(pod.get("priorityClassName"), policy.priority_classes, "priorityClassName", "priority_classes")
    _listed(pod.get("runtimeClassName"), policy.runtime_classes, "runtimeClassName", "runtime_classes")
    for name in pod.get("imagePullSecrets", ()):
        _listed(name, policy.pull_secrets, "imagePullSecrets", "pull_secrets")
    security = pod.get("securityContext", {})
    _only(security, _SECURITY, "pod.securityContext")
    if options.profile == "restricted" and security.get("runAsUser") == 0:
        raise LaunchRejected("pod.securityContext.runAsUser is 0, and no step runs as root here")
    for kind in ("labels", "annotations"):
        for key in pod.get(kind, {}):
            _own(key, kind)
    for volume in pod.get("volumes", ()):
        _volume(volume, policy, options.store.secret)
    for sidecar in pod.get("sidecars", ()):
        _only(sidecar, _SIDECAR, "pod.sidecars")
        if sidecar["name"] in _RESERVED:
            raise LaunchRejected(f"a sidecar cannot be called '{sidecar['name']}'")


def check_secret(name: str, options: KubernetesOptions) -> None:
    """Whether a step may read the Secret; the store's never."""
    _secret(name, options.policy, options.store.secret)


def volumes(pod: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The volumes of a pod, and the mounts of its main container."""
    found: list[dict[str, Any]] = []
    mounted: list[dict[str, Any]] = []
    for number, volume in enumerate(pod.get("volumes", ())):
        name = f"volume-{number}"
        found.append({"name": name, **{key: volume[key] for key in volume.keys() - _VOLUME}})
        shown = {key: volume[key] for key in ("readOnly", "subPath") if key in volume}
        mounted.append({"name": name, "mountPath": volume["mountPath"], **shown})
    return found, mounted


def sidecars(pod: Mapping[str, Any], security: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Containers that run beside the step, as native sidecars."""
    found = []
    for sidecar in pod.get("sidecars", ()):
        whole = {**sidecar, "restartPolicy": "Always", "securityContext": dict(security)}
        whole["env"] = environment(sidecar.get("env", {}))
        for key in ("command", "args"):
            if key in sidecar:
                whole[key] = [literal(word) for word in sidecar[key]]
        found.append(whole)
    return found


def environment(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Variables with literal values."""
    return [{"name": name, "value": literal(value)} for name, value in given.items()]


def literal(text: str) -> str:
    """Kubernetes replaces $(NAME) in commands and variables; a doubled $ is one."""
    return text.replace("$", "$$")


def _volume(volume: Mapping[str, Any], policy: Policy, store_secret: str) -> None:
    kinds = volume.keys() - _VOLUME
    kind = next(iter(kinds), "")
    if len(kinds) != 1 or kind not in policy.volume_kinds:
        allowed = ", ".join(policy.volume_kinds) or "none"
        raise LaunchRejected(
            f"volume '{volume['name']}' is of the kind '{', '.join(sorted(kinds))}'; allowed: {allowed}",
            hint="The operator's setting kubernetes.volume_kinds lists what is allowed.",
        )
    mounts.check(volume["mountPath"], f"volume '{volume['name']}': its mountPath")
    if kind == "secret":
        _secret(volume["secret"]["secretName"], policy, store_secret)


def _secret(name: str, policy: Policy, store_secret: str) -> None:
    if name == store_secret:
        raise LaunchRejected(f"Secret '{name}' holds the keys of the artifact store and is not for steps")
    if policy.secret_prefixes and not name.startswith(policy.secret_prefixes):
        allowed = ", ".join(f"'{prefix}'" for prefix in policy.secret_prefixes)
        raise LaunchRejected(
            f"Secret '{name}' is not for steps: their names begin with {allowed}",
            hint="The operator's setting kubernetes.secret_prefixes lists what is allowed.",
        )


def _own(key: str, what: str) -> None:
    domain, slash, _ = key.partition("/")
    reserved = any(domain == one or domain.endswith(f".{one}") for one in _FOREIGN)
    if slash and (reserved or domain == names.DOMAIN):
        raise LaunchRejected(f"pod.{what}: '{key}' belongs to the cluster or to Reconciler")


def _listed(value: str | None, allowed: Collection[str], what: str, setting: str) -> None:
    if value is not None and value not in allowed:
        shown = ", ".join(allowed) or "none"
        raise LaunchRejected(
            f"pod.{what}: '{value}' is not allowed here; allowed: {shown}",
            hint=f"The operator's setting kubernetes.{setting} lists what is allowed.",
        )


def _only(given: Mapping[str, Any], known: Collection[str], where: str) -> None:
    unknown = sorted(given.keys() - known)
    if unknown:
        raise LaunchRejected(f"{where}: '{unknown[0]}' is not allowed")
