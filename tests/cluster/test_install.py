"""A real installation: the cron job fires, pods run, the commit arrives, and at the end nothing is left."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.cluster import charts, volumes
from tests.cluster.bed.cluster import Cluster
from tests.cluster.bed.images import BUSYBOX
from tests.cluster.charts import helm, merged
from tests.git import servers as git_servers
from tests.git import sshd
from tests.place import Place
from tests.servers import Server

PATIENCE = 420.0
"""Seconds until something must have happened; a cron job alone takes up to one minute."""

RELEASE, NAME = "flows", "flows-reconciler"
TOKEN = "a-token-of-the-tests"
_NUMBERS = count(1)
_INDEX = "batch.kubernetes.io/job-completion-index"

HELLO = f"""\
apiVersion: reconciler/v1
kind: Workflow
metadata: {{name: hello}}
spec:
  defaults: {{image: "{BUSYBOX}"}}
  steps:
    write:
      command: [sh, -c, 'echo "hello world" > /tmp/hello_world.txt']
      outputs: {{artifacts: {{text: {{path: /tmp/hello_world.txt}}}}}}
    read:
      inputs: {{artifacts: {{text: {{from: write/text, path: /tmp/message}}}}}}
      command: [sh, -c, 'tr a-z A-Z < /tmp/message > loud.txt; wc -c < /tmp/message > length.txt']
      outputs:
        artifacts: {{loud: {{path: loud.txt}}}}
        parameters: {{length: {{path: length.txt, type: integer}}}}
  outputs: {{parameters: {{length: '${{{{ steps.read.outputs.length }}}}'}}}}
"""

ENDLESS = f"""\
apiVersion: reconciler/v1
kind: Workflow
metadata: {{name: endless}}
spec:
  defaults: {{image: "{BUSYBOX}"}}
  steps:
    wait:
      command: [sh, -c, 'sleep 3600']
      outputs: {{artifacts: {{text: {{path: text.txt}}}}}}
"""


QUIET = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: NAME}
spec:
  steps: {only: {script: "echo WORD"}}
"""
QUIET_NAMES = ("ant", "bee", "cat", "dog")
"""Of these, each of two shards has some."""


@dataclass
class Installation:
    """One release on the cluster, and the person who pushes to it."""

    cluster: Cluster
    minio: Server
    place: Place
    number: int = field(default_factory=lambda: next(_NUMBERS))

    @property
    def ops(self) -> str:
        return f"install-ops-{self.number}"

    @property
    def flows(self) -> str:
        return f"install-flows-{self.number}"

    def secret(self, namespace: str, name: str, **data: str) -> None:
        encoded = {key.replace("_", "-"): base64.b64encode(v.encode()).decode() for key, v in data.items()}
        metadata = {"name": name, "namespace": namespace}
        self.cluster.plane.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
        )

    def install(self, url: str, *values: charts.Values) -> None:
        access = self.minio.access
        image, _, tag = self.cluster.agent_image.rpartition(":")
        keys = {"access_key": access.access_key, "secret_key": access.secret_key}
        self.secret(self.ops, "bucket", **keys)
        store = {"url": f"s3://{access.bucket}/{self.ops}", "endpoint": access.endpoint, "secure": False}
        given = {
            "image": {"repository": image, "tag": tag, "pullPolicy": "Never"},
            "s3": {"secret": "bucket"},
            "state": {"kind": "s3"},
            "workflows": {"namespace": self.flows},
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
            "settings": {"repository": {"url": url}, "store": store},
        }
        self.helm("install", RELEASE, str(charts.CHART), values=merged(given, *values))
        self.secret(self.flows, "reconciler-s3", **keys)

    def helm(self, *words: str, values: charts.Values | None = None) -> str:
        where = ("--namespace", self.ops)
        return helm(*words, *where, values=values, kubeconfig=self.cluster.kubeconfig)

    def upgrade(self, **values: object) -> None:
        self.helm("upgrade", RELEASE, str(charts.CHART), "--reuse-values", values=values)

    def carry_out(self, name: str) -> dict[str, str]:
        """One job as the cron job makes them, to its end; the phases of its pods by their index."""
        job = ("job", name, "-n", self.ops)
        self.cluster.kubectl("create", *job, f"--from=cronjob/{NAME}")
        self.until(lambda: bool(self.cluster.kubectl("get", *job, "-o", "jsonpath={.status.completionTime}")))
        pods = ("get", "pods", "-n", self.ops, "-l", f"batch.kubernetes.io/job-name={name}", "-o", "json")
        found = [(pod["metadata"], pod["status"]) for pod in json.loads(self.cluster.kubectl(*pods))["items"]]
        return {about["annotations"].get(_INDEX, ""): status["phase"] for about, status in found}

    def subjects(self) -> list[str]:
        return sorted(subject.split(" in ")[0] for subject in self.place.history())

    def names(self, what: str, namespace: str, *more: str) -> list[str]:
        return self.cluster.kubectl("get", what, "-n", namespace, "-o", "name", *more).split()

    def until(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < end, self.told()
            time.sleep(0.5)

    def told(self) -> str:
        """What the passes and the pods said, for a person who looks for a cause."""
        options = ("-l", f"app.kubernetes.io/instance={RELEASE}", "--tail=40", "--prefix")
        logs = self.cluster.kubectl("logs", "-n", self.ops, *options)
        pods = self.cluster.kubectl("get", "pods,jobs", "-n", self.ops, "-o", "wide")
        return f"{pods}\n{logs}\n{self.cluster.kubectl('get', 'pods', '-n', self.flows, '-o', 'wide')}"

    def left(self) -> dict[str, list[str]]:
        """What stands in the two namespaces and is not the cluster's or a person's."""
        kinds = "pods,jobs,cronjobs,deployments,configmaps,serviceaccounts,roles,rolebindings,pvc,leases"
        more = f"{kinds},networkpolicies,resourcequotas,limitranges"
        usual = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
        return {space: sorted(set(self.names(more, space)) - usual) for space in (self.ops, self.flows)}


@pytest.fixture
def installation(cluster: Cluster, minio: Server, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(cluster, minio, Place(tmp_path))
    cluster.make_namespace(made.ops)
    yield made
    if RELEASE in made.helm("list", "--short").split():
        made.helm("uninstall", RELEASE, "--timeout", "5m")
    for name in (made.ops, made.flows):
        cluster.end_namespace(name)


def test_over_http_a_push_becomes_a_commit_and_an_uninstallation_leaves_nothing(cluster, installation):
    place = installation.place
    manner = git_servers.guarded(lambda: TOKEN)
    with git_servers.HttpServer(place.root, manner, host=cluster.gateway) as server:
        installation.secret(installation.ops, "forge", token=TOKEN)
        place.push(hello=HELLO)
        installation.install(
            f"{server.url}/remote.git",
            {
                "git": {"secret": "forge", "tokenKey": "token"},
                "settings": {"repository": {"plain_http": True}, "pass": {"budget": "5m"}},
            },
        )
        assert "Phase:          Succeeded" in installation.helm("test", RELEASE, "--timeout", "5m")
        installation.until(lambda: bool(place.history()))
        assert installation.subjects() == ["hello #1: Succeeded"]
        record = json.loads(place.ledger_file("hello/run.json"))
        assert record["outputs"]["parameters"] == {"length": 12}
        installation.until(lambda: installation.names("pods", installation.flows) == [])

        place.push(endless=ENDLESS)
        installation.until(lambda: installation.names("pods", installation.flows) != [])
        installation.helm("uninstall", RELEASE, "--timeout", "5m")
        installation.until(lambda: installation.left() == {installation.ops: [], installation.flows: []})
        policies = "validatingadmissionpolicies,validatingadmissionpolicybindings"
        assert f"{installation.ops}-{NAME}" not in cluster.kubectl("get", policies, "-o", "name")


@pytest.mark.skipif(sshd.SSHD is None, reason=sshd.MISSING)
def test_over_ssh_a_pass_that_never_ends_carries_out_a_push_in_shards(cluster, installation, tmp_path):
    place = installation.place
    with sshd.running(tmp_path / "ssh", cluster.gateway) as server:
        installation.secret(installation.ops, "forge", key=(server.place / "client").read_text())
        place.push(hello=HELLO, second=HELLO.replace("name: hello", "name: second"))
        installation.install(
            server.url(place.remote),
            {
                "mode": "deployment",
                "shards": 2,
                "state": {"kind": "none"},
                "git": {
                    "secret": "forge",
                    "sshKey": "key",
                    "knownHosts": (server.place / "known_hosts").read_text(),
                },
                "settings": {"pass": {"fetch_interval": "2s", "publish_interval": "1s"}},
            },
        )
        installation.until(lambda: len(place.history()) == 2)
        assert installation.subjects() == ["hello #1: Succeeded", "second #1: Succeeded"]
        place.push(hello=HELLO.replace("hello world", "hello again"))
        installation.until(lambda: len(place.history()) == 3)
        assert installation.subjects()[1] == "hello #2: Succeeded"
        holders = json.loads(cluster.kubectl("get", "leases", "-n", installation.ops, "-o", "json"))["items"]
        held = {each["metadata"]["name"] for each in holders if each["spec"].get("holderIdentity")}
        assert held == {f"{NAME}-0-of-2", f"{NAME}-1-of-2"}
        installation.helm("uninstall", RELEASE, "--timeout", "5m")
        installation.until(lambda: installation.left() == {installation.ops: [], installation.flows: []})


@pytest.fixture
def state(cluster: Cluster, installation: Installation, tmp_path: Path) -> Iterator[Path]:
    """The directory of a volume that the claim of the installation is bound to."""
    name = f"{installation.ops}-state"
    made = volumes.persistent(name, tmp_path / "kept", cluster, bound_to=(installation.ops, f"{NAME}-state"))
    cluster.plane.apply(made)
    yield tmp_path / "kept"
    cluster.kubectl("delete", "pv", name, "--wait=false")


def test_shards_of_one_job_keep_their_state_on_a_volume_and_a_pass_without_any_goes_on(
    cluster, installation, state
):
    """An Indexed Job of two; then, on the same ledger, one pass whose state is made anew each time."""
    place = installation.place

    def push(*names: str, word: str) -> None:
        form = QUIET.replace("WORD", word)
        place.push(**{name: form.replace("NAME", name) for name in names})

    manner = git_servers.guarded(lambda: TOKEN)
    with git_servers.HttpServer(place.root, manner, host=cluster.gateway) as server:
        installation.secret(installation.ops, "forge", token=TOKEN)
        push(*QUIET_NAMES, word="first")
        installation.install(
            f"{server.url}/remote.git",
            {
                "shards": 2,
                "state": {"kind": "pvc", "accessModes": ["ReadWriteMany"]},
                "cronjob": {"suspend": True},
                "git": {"secret": "forge", "tokenKey": "token"},
                "settings": {"repository": {"plain_http": True}, "kubernetes": {"image": BUSYBOX}},
            },
        )
        assert installation.carry_out("first") == {"0": "Succeeded", "1": "Succeeded"}
        assert installation.subjects() == [f"{name} #1: Succeeded" for name in QUIET_NAMES]
        assert remembered(state, 0) | remembered(state, 1) == {(name, 1) for name in QUIET_NAMES}
        assert remembered(state, 0).isdisjoint(remembered(state, 1))

        push("ant", "dog", word="second")
        assert installation.carry_out("second") == {"0": "Succeeded", "1": "Succeeded"}
        again = {("ant", 2), ("dog", 2)}
        kept = {(name, 1) for name in QUIET_NAMES}
        assert remembered(state, 0) | remembered(state, 1) == kept | again

        installation.upgrade(shards=1, state={"kind": "none"})
        push("ant", word="third")
        assert installation.carry_out("third") == {"": "Succeeded"}
        assert Counter(installation.subjects()) == Counter(
            f"{name} #{number}: Succeeded" for name, number in kept | again | {("ant", 3)}
        )


def remembered(state: Path, shard: int) -> set[tuple[str, int]]:
    """Workflow and number of each run in the database of a shard."""
    with closing(sqlite3.connect(state / f"shard-{shard}" / "state.db")) as database:
        return set(database.execute("SELECT workflow, number FROM run_history"))
