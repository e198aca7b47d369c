"""As whom the containers of a pod run, and with what rights. Pure.

In the profile `restricted` everything passes the Pod Security level of that name. In `baseline` a step may
be the user of its image; its agent is then root with the one right to read whatever the step wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.executors.kubernetes.options import KubernetesOptions

_SECCOMP = {"type": "RuntimeDefault"}


def of_pod(asked: Mapping[str, Any], options: KubernetesOptions) -> dict[str, Any]:
    """The security context of the whole pod; step and agent are the same user wherever one is named."""
    user, group = asked.get("runAsUser", options.user), asked.get("runAsGroup", options.group)
    found: dict[str, Any] = {"seccompProfile": dict(_SECCOMP)}
    if options.profile == "restricted":
        found["runAsNonRoot"] = True
    if user is not None:
        found["runAsUser"] = user
    if group is not None:
        found |= {"runAsGroup": group, "fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"}
    return found


def of_step(asked: Mapping[str, Any], options: KubernetesOptions) -> dict[str, Any]:
    """The security context of the main container, and of sidecars that the step asked for."""
    found: dict[str, Any] = {"allowPrivilegeEscalation": False}
    if options.profile == "restricted":
        found["capabilities"] = {"drop": ["ALL"]}
    if "readOnlyRootFilesystem" in asked:
        found["readOnlyRootFilesystem"] = asked["readOnlyRootFilesystem"]
    return found


def of_agent(asked: Mapping[str, Any], options: KubernetesOptions) -> dict[str, Any]:
    """The security context of our own containers."""
    found: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    if options.profile != "restricted" and asked.get("runAsUser", options.user) is None:
        found["runAsUser"] = 0
        found["capabilities"]["add"] = ["DAC_OVERRIDE"]
    return found
