"""Our own containers in a pod: what they are told, and what of the pod they see. Pure.

They alone see the store's keys, as files; the step sees neither those nor the volume as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes import asked, errand
from reconciler.executors.kubernetes.options import KubernetesOptions

FETCH = ("python", "-m", "reconciler.agent", "fetch")
PUT = ("python", "-m", "reconciler.agent", "put")
BESIDE = (
    "/bin/sh",
    "-c",
    f"trap 'trap \"\" TERM; kill $!; exec {' '.join(PUT)}' TERM; "
    "while :; do sleep 86400 >/dev/null 2>&1 & wait $!; done",
)
"""Beside the step waits a shell, until the kubelet says by SIGTERM that the step has ended. It is ready for
that a moment after it was started, when an interpreter would still be on its way and, as the first process of
its container, deaf to the signal; and it weighs a tenth of one. A second signal does not stop the upload."""

REQUESTS = {"cpu": "10m", "memory": "48Mi"}


@dataclass(frozen=True, slots=True)
class Given:
    """The variables of the agents of one pod."""

    variables: Mapping[str, str]


def given(what: errand.Errand, options: KubernetesOptions) -> tuple[Given, str]:
    """What the agents are told; and the errand itself where it is too large to be told so, else ""."""
    store = options.store
    if not (store.url and options.agent_image):
        lacking = "kubernetes.agent_image" if store.url else "store.url (an S3 bucket)"
        raise LaunchRejected(
            f"the step has inputs or outputs, which an agent must move, but {lacking} is not set",
            hint="The operator must set it; steps without inputs and outputs run without.",
        )
    text = errand.dump_errand(what)
    is_large = len(text.encode()) > errand.INLINE_BYTES
    variables = (
        {errand.ERRAND_KEY: what.call.prefix + errand.ERRAND_OBJECT} if is_large else {errand.ERRAND: text}
    )
    variables |= {
        errand.STORE_URL: store.url,
        errand.STORE_ENDPOINT: store.endpoint,
        errand.STORE_REGION: store.region,
        errand.STORE_SECURE: "true" if store.secure else "false",
        errand.PATIENCE: f"{options.patience:g}",
        errand.PARAMETER_BYTES: str(options.parameter_bytes),
    }
    return Given({name: value for name, value in variables.items() if value}), text if is_large else ""


def container(
    name: str, command: Sequence[str], what: Given, options: KubernetesOptions, rights: Mapping[str, Any]
) -> dict[str, Any]:
    """One agent."""
    found: dict[str, Any] = {
        "name": name,
        "image": options.agent_image,
        "command": [asked.literal(word) for word in command],
        "env": asked.environment(what.variables),
        "resources": {"requests": dict(REQUESTS), "limits": {"memory": options.agent_memory}},
        "securityContext": dict(rights),
        "volumeMounts": [
            {"name": "io", "mountPath": errand.IO},
            {"name": "s3", "mountPath": errand.STORE_KEYS, "readOnly": True},
            {"name": "agent-tmp", "mountPath": "/tmp"},
        ],
    }
    if options.pull_policy:
        found["imagePullPolicy"] = options.pull_policy
    return found


def volumes(options: KubernetesOptions) -> list[dict[str, Any]]:
    """The volumes that only agents mount."""
    mode = 0o444 if options.group is None else 0o440
    return [
        {"name": "s3", "secret": {"secretName": options.store.secret, "defaultMode": mode}},
        {"name": "agent-tmp", "emptyDir": {}},
    ]
