"""Certificates and kubeconfigs for a control plane that lives as long as the tests.

One authority signs for the API server and for its calls to kubelets. People and programs come with bearer
tokens: the administrator, and one per node, so that the node authorizer has somebody to restrict.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.bed.daemon import run, tool

NODES = range(1, 8)
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650")


def name_of(number: int) -> str:
    return f"node-{number}"


@dataclass(frozen=True)
class Keys:
    """Files below `directory`: ca.crt, server.crt, server.key, client.crt, client.key, sa.key, tokens.csv."""

    directory: Path
    admin: str

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def token_of(self, number: int) -> str:
        return f"{self.admin}-{number}"


def made(directory: Path, addresses: Sequence[str]) -> Keys:
    """New keys for an API server that answers on `addresses`."""
    keys = Keys(directory, secrets.token_hex(16))
    names = ",".join(["DNS:localhost", "DNS:kubernetes.default.svc", *(f"IP:{each}" for each in addresses)])
    _certificate(keys, "ca", "/CN=testbed", "basicConstraints=critical,CA:TRUE")
    _certificate(keys, "server", "/CN=kube-apiserver", f"subjectAltName={names}", signed=True)
    _certificate(
        keys, "client", "/O=system:masters/CN=kube-apiserver", "extendedKeyUsage=clientAuth", signed=True
    )
    run(tool("openssl"), "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", keys.path("sa.key"))
    rows = [f'{keys.admin},admin,admin,"system:masters"']
    for number in NODES:
        name = name_of(number)
        rows.append(f'{keys.token_of(number)},system:node:{name},{name},"system:nodes"')
    (directory / "tokens.csv").write_text("\n".join(rows) + "\n")
    return keys


def _certificate(keys: Keys, name: str, subject: str, extension: str, signed: bool = False) -> None:
    authority = ["-CA", keys.path("ca.crt"), "-CAkey", keys.path("ca.key")] if signed else []
    out = ["-keyout", keys.path(f"{name}.key"), "-out", keys.path(f"{name}.crt")]
    run(tool("openssl"), "req", "-x509", *_NEW_KEY, "-subj", subject, "-addext", extension, *authority, *out)


def kubeconfig(path: Path, server: str, authority: Path, token: str, namespace: str = "default") -> Path:
    """Write a kubeconfig (JSON is YAML) for who holds `token`."""
    data = base64.b64encode(authority.read_bytes()).decode()
    context = {"cluster": "testbed", "user": "who", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {"server": server, "certificate-authority-data": data}}],
        "users": [{"name": "who", "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": context}],
        "current-context": "testbed",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
    return path
