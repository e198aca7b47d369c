"""Where in the API the objects of a kind are found: asked of the cluster once for each group."""

from __future__ import annotations

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes.client import Client, Refused


class Resources:
    """Paths by kind. From any thread."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], str] = {}

    def path(self, api_version: str, kind: str) -> str:
        """Of the objects of that kind in our namespace. Raises LaunchRejected where there is no such kind."""
        key = api_version, kind
        if key not in self._known:
            self._ask(api_version)
        if key not in self._known:
            raise LaunchRejected(f"the cluster has no kind '{kind}' with namespaces in {api_version}")
        return self._known[key]

    def _ask(self, api_version: str) -> None:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            found = self._client.get(root)
        except Refused as error:
            if error.status != 404:
                raise
            return
        for resource in found["resources"]:
            if resource["namespaced"] and "/" not in resource["name"]:
                path = f"{root}/namespaces/{self._client.namespace}/{resource['name']}"
                self._known[api_version, resource["kind"]] = path
