"""etcd, API server, controller manager and scheduler: a control plane that is up in some seconds.

Everything is as in a cluster of one's own (RBAC, node authorizer, admission with ServiceAccounts and Pod
Security) but for two savings: etcd does not wait for the disk, and nobody elects a leader.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from tests import servers
from tests.cluster.bed import keys as keys_of
from tests.cluster.bed.daemon import Daemon, run, tool, until
from tests.cluster.bed.house import House

Flags = Mapping[str, tuple[str, ...]]
_COUNT = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_RATES = ("--kube-api-qps=1000", "--kube-api-burst=2000", "--leader-elect=false", "--profiling=false")


@dataclass(frozen=True)
class Times:
    """How soon the loss of a node is noticed, in seconds.

    The kubelet renews its lease every quarter of `lease`; without news for `grace` the node is not ready, and
    pods leave it after `toleration` (where they do not say otherwise).
    """

    lease: int = 20
    grace: int = 20
    toleration: int = 300


@dataclass(frozen=True)
class Place:
    """Where the API server listens, and the addresses of services; `advertise` is empty on loopback."""

    address: str
    port: int
    services: str
    advertise: str = ""


@dataclass
class ControlPlane:
    """A running control plane."""

    house: House
    keys: keys_of.Keys
    server: str
    kubeconfig: Path
    flags: Flags = field(default_factory=dict)
    daemons: dict[str, Daemon] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = urllib3.PoolManager(ca_certs=self.keys.path("ca.crt"), retries=False)

    def get(self, path: str) -> bytes:
        """What the API server answers, asked as administrator; raises urllib3's errors while it is away."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """The same for any method: the answer, or nothing where it is a refusal. Cheaper than a kubectl."""
        answer = self._http.request(
            method,
            self.server + path,
            headers={"Authorization": f"Bearer {self.keys.admin}", "Content-Type": "application/json"},
            body=None if body is None else json.dumps(body),
            timeout=10,
        )
        return answer.data if answer.status < 300 else b""

    def requests(self) -> Counter[tuple[str, str, str, str]]:
        """Requests since the API server started: how many by (verb, resource, subresource, code).

        It counts a watch when that ends, and the requests of the bed's own components too.
        """
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for labels, count in _COUNT.findall(self.get("/metrics").decode()):
            label = dict(_LABEL.findall(labels))
            counts[label["verb"], label["resource"], label["subresource"], label["code"]] += int(float(count))
        return counts

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """What kubectl prints, as administrator; BedError with its message where it fails."""
        return run(tool("kubectl"), "--kubeconfig", str(self.kubeconfig), *args, stdin=stdin)

    def apply(self, *objects: object) -> None:
        """Create or change objects, given as dicts."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(listed))

    def kubeconfig_of(self, namespace: str, account: str) -> Path:
        """A kubeconfig with the rights of a ServiceAccount."""
        token = self.kubectl(
            "create", "token", account, "--namespace", namespace, "--duration", "24h"
        ).strip()
        path = self.house.room("kubeconfigs") / f"{namespace}-{account}"
        return keys_of.kubeconfig(path, self.server, Path(self.keys.path("ca.crt")), token, namespace)

    def forget_node(self, name: str) -> None:
        """Delete a node that does not come back, and the pods that were on it."""
        on_it = f"--field-selector=spec.nodeName={name}"
        self.kubectl("delete", "pods", "--all-namespaces", on_it, "--force", "--wait=false")
        self.kubectl("delete", "node", name, "--ignore-not-found")

    def start(self, program: str) -> None:
        """Start one of the four programs (again, after `stop`)."""
        log = self.house.logs / f"{program}.log"
        command = [*self.commands[program], *self.flags.get(program, ())]
        self.daemons[program] = Daemon(program, [tool(program), *command], log)

    def stop(self, program: str, grace: float = 10.0) -> None:
        """Stop one of the four programs; with a grace of 0 at once, as a crash would."""
        self.daemons[program].stop(grace)

    def wait_until_ready(self) -> None:
        """Return when the API server takes requests."""
        alive = [self.daemons[each] for each in ("etcd", "kube-apiserver")]
        until("the API server is ready", lambda: self._answers("/readyz"), alive=alive)

    def _answers(self, path: str) -> bool:
        try:
            return bool(self.get(path))
        except urllib3.exceptions.HTTPError:
            return False

    def _has_defaults(self) -> bool:
        core = "/api/v1/namespaces/default"
        return self._answers(f"{core}/serviceaccounts/default") and self._answers(
            f"{core}/configmaps/kube-root-ca.crt"
        )


@contextmanager
def running(
    house: House, place: Place, times: Times | None = None, flags: Flags | None = None
) -> Iterator[ControlPlane]:
    """A control plane; `flags` adds to the command line of a program, by its name."""
    keys = keys_of.made(house.room("keys"), [place.address, "127.0.0.1"])
    server = f"https://{place.address}:{place.port}"
    config = keys_of.kubeconfig(house.directory / "kubeconfig", server, Path(keys.path("ca.crt")), keys.admin)
    plane = ControlPlane(house, keys, server, config, flags or {})
    plane.commands = _commands(plane, place, times or Times(), f"http://127.0.0.1:{servers.free_port()}")
    with ExitStack() as stack:
        for program in plane.commands:
            plane.start(program)
            stack.callback(plane.stop, program, 0)  # there is nothing to keep
            if program == "kube-apiserver":
                plane.wait_until_ready()
        until("the namespace `default` is set up", plane._has_defaults, alive=list(plane.daemons.values()))
        yield plane


def _commands(plane: ControlPlane, place: Place, times: Times, etcd: str) -> dict[str, list[str]]:
    keys, config = plane.keys, f"--kubeconfig={plane.kubeconfig}"
    no_server = "--secure-port=0"
    return {
        "etcd": [
            f"--data-dir={plane.house.directory / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            "--listen-peer-urls=http://127.0.0.1:0",
            "--unsafe-no-fsync",
            "--quota-backend-bytes=8589934592",
            "--log-level=warn",
        ],
        "kube-apiserver": _api_server(keys, place, times, etcd),
        "kube-controller-manager": [
            config,
            f"--root-ca-file={keys.path('ca.crt')}",
            f"--service-account-private-key-file={keys.path('sa.key')}",
            f"--node-monitor-grace-period={times.grace}s",
            "--node-monitor-period=1s",
            no_server,
            *_RATES,
        ],
        "kube-scheduler": [config, no_server, *_RATES],
    }


def _api_server(keys: keys_of.Keys, place: Place, times: Times, etcd: str) -> list[str]:
    where = (
        [f"--advertise-address={place.advertise}"] if place.advertise else ["--endpoint-reconciler-type=none"]
    )
    return [
        f"--etcd-servers={etcd}",
        f"--bind-address={place.address}",
        f"--secure-port={place.port}",
        *where,
        f"--tls-cert-file={keys.path('server.crt')}",
        f"--tls-private-key-file={keys.path('server.key')}",
        f"--kubelet-client-certificate={keys.path('client.crt')}",
        f"--kubelet-client-key={keys.path('client.key')}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--token-auth-file={keys.path('tokens.csv')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys.path('sa.key')}",
        f"--service-account-signing-key-file={keys.path('sa.key')}",
        f"--service-cluster-ip-range={place.services}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--default-not-ready-toleration-seconds={times.toleration}",
        f"--default-unreachable-toleration-seconds={times.toleration}",
        "--allow-privileged=true",
        "--profiling=false",
    ]
