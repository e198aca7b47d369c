"""Pods for the tests of the bed itself, in the layouts of a step, as Pod Security `restricted` wants them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.cluster.bed import images
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.daemon import until

Json = dict[str, object]
_LOCKED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def container(name: str, command: Sequence[str], image: str = images.BUSYBOX, **more: object) -> Json:
    """A container that sees the volume `io` at /io."""
    mounts = [{"name": "io", "mountPath": "/io"}]
    return {
        "name": name,
        "image": image,
        "command": list(command),
        "securityContext": _LOCKED,
        "volumeMounts": mounts,
    } | more


def shell(name: str, script: str, **more: object) -> Json:
    """A container that runs a script of busybox's shell."""
    return container(name, ["sh", "-c", script], **more)


def pod(name: str, *containers: Json, before: Sequence[Json] = (), **spec: object) -> Json:
    """A pod that runs once; `before` are its init containers."""
    security = {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 30,
            "securityContext": security,
            "volumes": [{"name": "io", "emptyDir": {}}],
            "initContainers": list(before),
            "containers": list(containers),
            **spec,
        },
    }


def ended(cluster: Cluster, namespace: str, name: str) -> Json:
    """The pod, once its phase is terminal; else an error with the pod as it is."""
    seen: list[Json] = []

    def terminal() -> bool:
        seen[:] = [
            json.loads(cluster.kubectl("get", "pod", name, "--namespace", namespace, "--output", "json"))
        ]
        return phase(seen[0]) in {"Succeeded", "Failed"}

    until(f"pod {namespace}/{name} ends", terminal, seconds=120)
    return seen[0]


def phase(of: Json) -> str:
    """The phase of a pod as read."""
    return of["status"].get("phase", "")  # type: ignore[attr-defined, no-any-return]


def exits(of: Json) -> dict[str, tuple[int, str]]:
    """Exit code and reason of each container that has ended, by name."""
    status: Json = of["status"]  # type: ignore[assignment]
    both: list[Json] = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]  # type: ignore[misc]
    done = {each["name"]: each["state"].get("terminated") for each in both}  # type: ignore[attr-defined]
    return {name: (end["exitCode"], end["reason"]) for name, end in done.items() if end}  # type: ignore[misc]
