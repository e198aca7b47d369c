"""From the operator's settings to the options of the executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.executors.kubernetes.options import KubernetesOptions, Policy, StoreAccess
from reconciler.settings import Settings


def options(settings: Settings) -> KubernetesOptions:
    """What the settings say about pods."""
    chosen, executor, limits = settings.kubernetes, settings.executor, settings.limits
    return KubernetesOptions(
        patience=executor.patience,
        parameter_bytes=limits.parameter_bytes,
        log_tail_bytes=limits.log_tail_bytes,
        namespace=chosen.namespace,
        instance=chosen.instance,
        kubeconfig=chosen.kubeconfig,
        context=chosen.context,
        slots=executor.slots,
        grace=executor.grace,
        image=chosen.image,
        agent_image=chosen.agent_image,
        agent_memory=chosen.agent_memory,
        pull_policy=chosen.pull_policy,
        layout=chosen.layout,
        logs=chosen.logs,
        upload_budget=chosen.upload_budget,
        start_patience=chosen.start_patience,
        lost_after=chosen.lost_after,
        store=_store(settings),
        profile=chosen.profile,
        user=chosen.user or None,
        group=chosen.group or None,
        service_account=chosen.service_account,
        policy=_policy(settings),
        queue=chosen.queue,
        labels=_by_name(chosen.labels),
        annotations=_by_name(chosen.annotations),
        node_selector=_by_name(chosen.node_selector),
        tolerations=tuple(_toleration(text) for text in chosen.tolerations),
        image_pull_secrets=chosen.image_pull_secrets,
        rate=float(chosen.rate),
        burst=chosen.rate,
        writers=chosen.writers,
    )


def _store(settings: Settings) -> StoreAccess:
    """A directory of the pass's machine is no store for pods: then there is none."""
    store, chosen = settings.store, settings.kubernetes
    if not store.url.startswith("s3://"):
        return StoreAccess(secret=chosen.store_secret)
    endpoint = chosen.store_endpoint or store.endpoint
    return StoreAccess(store.url, endpoint, store.region, store.secure, chosen.store_secret)


def _policy(settings: Settings) -> Policy:
    chosen = settings.kubernetes
    return Policy(
        secret_prefixes=chosen.secret_prefixes,
        volume_kinds=chosen.volume_kinds,
        service_accounts=chosen.service_accounts,
        pull_secrets=chosen.pull_secrets,
        priority_classes=chosen.priority_classes,
        runtime_classes=chosen.runtime_classes,
        manifest_types=chosen.manifest_types,
    )


def _by_name(pairs: Sequence[str]) -> Mapping[str, str]:
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _toleration(text: str) -> Mapping[str, str]:
    taint, _, effect = text.rpartition(":")
    key, equals, value = taint.partition("=")
    found = {"key": key, "operator": "Equal" if equals else "Exists", "effect": effect}
    return {**found, "value": value} if equals else found
