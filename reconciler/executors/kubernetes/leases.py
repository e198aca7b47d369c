"""The Leases of a namespace, through the API server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from reconciler.errors import PermanentError
from reconciler.executors.kubernetes.client import Client, Refused
from reconciler.executors.kubernetes.lease import Body
from reconciler.executors.kubernetes.options import KubernetesOptions

T = TypeVar("T")

_ANSWER = 5.0
"""Seconds: a Lease must be renewed in time, and another try may be answered at once."""

_NOT_FOUND, _CONFLICT = 404, 409
_WIDE = 1
"""One thread renews, and one asks: no more connections are needed."""


class ClusterLeases:
    """The Leases of `namespace`; by default that of the pod, or of the kubeconfig, that the pass has."""

    def __init__(self, namespace: str = "", *, kubeconfig: str = "", context: str = "") -> None:
        options = KubernetesOptions(
            namespace=namespace, kubeconfig=kubeconfig, context=context, writers=_WIDE
        )
        self._client = Client(options, threading.Event(), patience=_ANSWER)

    @property
    def namespace(self) -> str:
        return self._client.namespace

    def read(self, name: str) -> Body | None:
        return self._asked(_NOT_FOUND, lambda: self._client.get(self._path(name)))

    def create(self, body: Body) -> Body | None:
        return self._asked(_CONFLICT, lambda: self._client.create(self._path(), body))

    def replace(self, body: Body) -> Body | None:
        path = self._path(body["metadata"]["name"])
        try:
            return self._asked(_CONFLICT, lambda: self._client.replace(path, body))
        except Refused as error:
            if error.status != _NOT_FOUND:  # somebody deleted it: that is faster than us, too
                raise
            return None

    def select(self, labels: Mapping[str, str]) -> list[Body]:
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        listed = self._asked(0, lambda: self._client.list(self._path(), selector)[0])
        return listed or []

    def delete(self, name: str) -> None:
        self._asked(_NOT_FOUND, lambda: self._client.delete(self._path(name)))

    def _path(self, name: str = "") -> str:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"
        return f"{path}/{name}" if name else path

    def _asked(self, expected: int, ask: Callable[[], T]) -> T | None:
        """The answer to one request; None where it is the `expected` refusal."""
        try:
            return ask()
        except Refused as error:
            if error.status == expected:
                return None
            if error.status in (401, 403):
                raise PermanentError(
                    error.message,
                    hint="The service account needs get, list, create and update on leases there.",
                ) from error
            raise
