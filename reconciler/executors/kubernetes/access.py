"""How to reach the cluster: the official client reads the credentials, and keeps them fresh.

Only what is stable over its releases is used: its configuration, and the pool of connections it makes
from it. Its generated methods decode every answer into models, which costs ten times what we do with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.errors import SettingsError
from reconciler.executors.kubernetes.options import KubernetesOptions

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Access:
    """A pool of connections (urllib3), where the API server is, and the namespace to work in."""

    pool: Any
    configuration: Any
    host: str
    namespace: str

    def headers(self) -> dict[str, str]:
        """The credentials as they are now: tokens of service accounts change by the hour."""
        return {each["key"]: each["value"] for each in self.configuration.auth_settings().values()}


def connect(options: KubernetesOptions, connections: int) -> Access:
    """Read the credentials; nothing is sent yet. Raises SettingsError where there are none."""
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        if not options.kubeconfig and not options.context and os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(client_configuration=configuration)
            namespace = _NAMESPACE.read_text("utf-8").strip() if _NAMESPACE.exists() else "default"
        else:
            config.load_kube_config(
                config_file=options.kubeconfig or None,
                context=options.context or None,
                client_configuration=configuration,
                persist_config=False,
            )
            namespace = _namespace_of(config, options)
    except (config.ConfigException, OSError, ValueError) as error:
        raise SettingsError(
            f"There is no access to a cluster: {error}.",
            hint="Set kubernetes.kubeconfig, or run the pass in a pod with a service account.",
        ) from error
    configuration.connection_pool_maxsize = connections
    configuration.retries = False
    pool = client.ApiClient(configuration).rest_client.pool_manager
    return Access(pool, configuration, configuration.host, options.namespace or namespace)


def _namespace_of(config: Any, options: KubernetesOptions) -> str:
    contexts, current = config.list_kube_config_contexts(config_file=options.kubeconfig or None)
    if options.context:
        current = next(each for each in contexts if each["name"] == options.context)
    return str(current["context"].get("namespace") or "default")
