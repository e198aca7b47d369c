"""A place whose steps are pods on simulated nodes: what the crash tests, the outages and the benchmark share.

The pods do what annotations of their step say (stages.yaml). There is no agent and no log to be had from
them, so the steps have no outputs, and the pass is told to leave logs alone.
"""

from __future__ import annotations

from pathlib import Path

from tests.cluster.bed import images
from tests.place import Place


def prepare(root: Path, kubeconfig: Path, namespace: str, *, lease: str = "30s", **environment: str) -> Place:
    """An empty remote, and the settings of an operator whose steps run in `namespace`."""
    root.mkdir(parents=True, exist_ok=True)
    settings = {
        "RECONCILER_EXECUTOR_NAME": "kubernetes",
        "RECONCILER_KUBERNETES_KUBECONFIG": str(kubeconfig),
        "RECONCILER_KUBERNETES_NAMESPACE": namespace,
        "RECONCILER_KUBERNETES_IMAGE": images.BUSYBOX,
        "RECONCILER_KUBERNETES_LOGS": "false",
        "RECONCILER_LEASE_NAMESPACE": namespace,
        "RECONCILER_LEASE_DURATION": lease,
    }
    return Place(root, settings | environment)


def step(name: str, *needs: str, duration: str = "0s", code: int = 0, more: str = "") -> str:
    """The text of a step that lasts so long and exits with `code`."""
    told = f"sim.testbed/duration: {duration}, sim.testbed/exit-code: '{code}'"
    return (
        f"    {name}: {{command: ['true'], needs: [{', '.join(needs)}], "
        f"pod: {{annotations: {{{told}}}}}{more and ', '}{more}}}\n"
    )


def workflow(name: str, *steps: str) -> str:
    """A definition of these steps."""
    head = f"apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {{name: {name}}}\nspec:\n  steps:\n"
    return head + "".join(steps)
