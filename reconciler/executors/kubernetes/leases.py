"""The Leases of a namespace, through the API server."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException

from reconciler.errors import ExecutorUnavailable, PermanentError, SettingsError
from reconciler.executors.kubernetes.lease import Body

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_PATIENCE = (3, 10)
"""Seconds to connect, and between two bytes of an answer: a Lease must be renewed in time."""

_NOT_FOUND, _CONFLICT = 404, 409


class ClusterLeases:
    """The Leases of `namespace`; by default that of the pod in which this process runs."""

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace or own_namespace()
        self._api = client.CoordinationV1Api(_connected())

    def read(self, name: str) -> Body | None:
        return self._asked(_NOT_FOUND, self._api.read_namespaced_lease, name, self.namespace)

    def create(self, body: Body) -> Body | None:
        return self._asked(_CONFLICT, self._api.create_namespaced_lease, self.namespace, body)

    def replace(self, body: Body) -> Body | None:
        name = body["metadata"]["name"]
        return self._asked(_CONFLICT, self._api.replace_namespaced_lease, name, self.namespace, body)

    def select(self, labels: Mapping[str, str]) -> list[Body]:
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        listed = self._asked(0, self._api.list_namespaced_lease, self.namespace, label_selector=selector)
        return list(listed["items"]) if listed else []

    def delete(self, name: str) -> None:
        self._asked(_NOT_FOUND, self._api.delete_namespaced_lease, name, self.namespace)

    def _asked(self, expected: int, call: Any, *arguments: Any, **named: Any) -> Body | None:
        """The answer to one request; None where it is the `expected` refusal."""
        try:
            answer = call(*arguments, **named, _preload_content=False, _request_timeout=_PATIENCE)
            body: Body = json.loads(answer.data)
            return body
        except ApiException as error:
            if error.status == expected:
                return None
            raise self._translated(error) from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ExecutorUnavailable(f"the API server does not answer: {error}") from error

    def _translated(self, error: ApiException) -> Exception:
        said = f"Leases in the namespace {self.namespace}: {error.status} {error.reason}"
        if error.status in (401, 403):
            return PermanentError(
                f"The API server refuses {said}.",
                hint="The service account needs get, list, create and update on leases there.",
            )
        return ExecutorUnavailable(f"The API server could not serve {said}.")


def own_namespace() -> str:
    """The namespace of the pod that this process runs in, `default` elsewhere."""
    with suppress(OSError):
        return _OWN_NAMESPACE.read_text("utf-8").strip()
    return "default"


def _connected() -> client.ApiClient:
    configuration = client.Configuration()
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise SettingsError(
            f"There is no access to a cluster: {error}",
            hint="Run in a pod with a service account, or name a kubeconfig file.",
        ) from error
    configuration.retries = False  # the next renewal is the retry
    return client.ApiClient(configuration)
