"""What the chart makes, on a real API server: accepted, enough for a pass, and no more than that."""

from __future__ import annotations

import copy
import json
import subprocess
import time
from itertools import count

import pytest

from reconciler.executors.kubernetes import podspec
from reconciler.executors.kubernetes.options import KubernetesOptions, Policy, StoreAccess
from reconciler.model.run import AttemptKey, StepCall
from reconciler.model.workflow import ArtifactOutput, SecretInput
from tests import servers
from tests.cluster import charts
from tests.cluster.bed.cluster import Cluster
from tests.cluster.charts import one, rendered
from tests.cluster.test_chart import MATRIX
from tests.place import Place

_NUMBERS = count(1)
NAME = "flows-reconciler"
"""What a release called `flows` names its objects after."""


@pytest.fixture
def spaces(kwok_cluster: Cluster):
    """A namespace for the release and one for its workflows."""
    number = next(_NUMBERS)
    names = (f"ops-{number}", f"flows-{number}")
    for name in names:
        kwok_cluster.make_namespace(name)
    yield names
    for name in names:
        kwok_cluster.end_namespace(name)


def objects_for(spaces: tuple[str, str], *values: charts.Values) -> list[charts.Values]:
    ops, flows = spaces
    return rendered({"workflows": {"namespace": flows, "create": False}}, *values, namespace=ops)


def apply(cluster: Cluster, objects: list[charts.Values], *kinds: str) -> None:
    cluster.plane.apply(*(o for o in objects if not kinds or o["kind"] in kinds))


@pytest.mark.parametrize("values", [pytest.param(v, id=k) for k, v in MATRIX.items()])
def test_the_api_server_takes_every_object(kwok_cluster, spaces, values):
    own = values.get("workflows", {}).get("namespace") is not None
    settled = {"workflows": {"namespace": spaces[0] if own else spaces[1], "create": False}}
    objects = rendered(values, settled, namespace=spaces[0])
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1000}
    kwok_cluster.plane.apply({**high, "metadata": {"name": "high"}})
    apply(kwok_cluster, objects, "ServiceAccount")  # a pod is refused without its own
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    said = kwok_cluster.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "--filename", "-", stdin=listed
    )
    assert len(said.splitlines()) == len(objects)


def test_the_namespace_of_workflows_enforces_the_level_and_outlives_the_release():
    namespace = one(rendered({"workflows": {"labels": {"team": "growth"}}}), "Namespace")
    labels = namespace["metadata"]["labels"]
    assert (labels["pod-security.kubernetes.io/enforce"], labels["team"]) == ("restricted", "growth")
    assert namespace["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


MAY = {
    "workflows": [
        *(f"{verb} pods" for verb in ("get", "list", "watch", "create", "patch", "delete")),
        "deletecollection pods",
        "get pods/log",
        *(f"{verb} configmaps" for verb in ("get", "list", "create", "patch", "delete")),
        "deletecollection configmaps",
        "list events",
    ],
    "own": [f"{verb} leases.coordination.k8s.io" for verb in ("get", "list", "create", "update")],
}
MUST_NOT = [
    *(f"{verb} secrets" for verb in ("get", "list", "create", "delete")),
    *(
        f"create {resource}"
        for resource in ("pods/exec", "pods/attach", "pods/portforward", "serviceaccounts/token")
    ),
    *("update pods", "update configmaps", "create jobs.batch", "create roles.rbac.authorization.k8s.io"),
    *("list nodes", "list namespaces", "delete leases.coordination.k8s.io"),
]


def test_the_service_account_may_do_this_and_nothing_else(kwok_cluster, spaces):
    ops, flows = spaces
    apply(kwok_cluster, objects_for(spaces), "ServiceAccount", "Role", "RoleBinding")

    def may(what: str, namespace: str) -> bool:
        return is_allowed(kwok_cluster, f"system:serviceaccount:{ops}:{NAME}", what, namespace)

    assert [what for what in MAY["workflows"] if not may(what, flows)] == []
    assert [what for what in MAY["own"] if not may(what, ops)] == []
    assert [what for what in MUST_NOT if may(what, flows)] == []
    everywhere = [*MUST_NOT, *MAY["workflows"], *MAY["own"]]
    assert [what for what in everywhere if may(what, "default")] == []
    assert [what for what in MAY["workflows"] if may(what, ops)] == []


def is_allowed(cluster: Cluster, user: str, what: str, namespace: str) -> bool:
    verb, resource = what.split()
    resource, _, group = resource.partition(".")
    name, _, below = resource.partition("/")
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "resource": name,
        "group": group,
        "subresource": below,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    said = cluster.kubectl("create", "--filename", "-", "--output", "json", stdin=json.dumps(review))
    return bool(json.loads(said)["status"]["allowed"])


FLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: flow}
spec:
  defaults: {image: busybox}
  steps:
    first: {command: [sh, -c, 'true']}
    second: {needs: [first], command: [sh, -c, 'true']}
"""


def test_these_rights_are_enough_for_a_pass_and_for_the_cleanup(kwok_cluster, spaces, tmp_path):
    """A whole pass with the service account's token: runs, results, Leases, and nothing left at the end."""
    ops, flows = spaces
    objects = objects_for(spaces)
    apply(kwok_cluster, objects, "ServiceAccount", "Role", "RoleBinding")
    place = Place(tmp_path, environment=variables(kwok_cluster, spaces, NAME))
    place.push(flow=FLOW)
    place.run("pass")
    assert [subject.split(" in ")[0] for subject in place.history()] == ["flow #1: Succeeded"]
    assert "flow" not in kwok_cluster.kubectl("get", "pods,configmaps", "-n", flows, "-o", "name")
    place.push(flow=FLOW.replace("true", "exit 0"))
    place.run("pass", "--pass-budget", "0s")
    place.environment = variables(kwok_cluster, spaces, f"{NAME}-cleanup")
    assert "1 runs removed" in place.run("gc", "--everything")
    left = kwok_cluster.kubectl(
        "get", "configmaps", "-n", flows, "-l", "reconciler.dev/kind=run", "-o", "name"
    )
    assert (left, kwok_cluster.kubectl("get", "leases", "-n", ops, "-o", "name")) == ("", "")


def variables(cluster: Cluster, spaces: tuple[str, str], account: str) -> dict[str, str]:
    ops, flows = spaces
    return {
        "RECONCILER_EXECUTOR_NAME": "kubernetes",
        "RECONCILER_KUBERNETES_KUBECONFIG": str(cluster.plane.kubeconfig_of(ops, account)),
        "RECONCILER_KUBERNETES_NAMESPACE": flows,
        "RECONCILER_KUBERNETES_INSTANCE": NAME,
        "RECONCILER_KUBERNETES_SERVICE_ACCOUNT": "reconciler-steps",
        "RECONCILER_KUBERNETES_LOGS": "false",
        "RECONCILER_LEASE_NAMESPACE": ops,
        "RECONCILER_LEASE_NAME": NAME,
    }


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "step",
        "labels": {"app.kubernetes.io/managed-by": "reconciler", "app.kubernetes.io/instance": NAME},
    },
    "spec": {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "serviceAccountName": "reconciler-steps",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            {
                "name": "agent",
                "image": "reconciler:0.1.0",
                "restartPolicy": "Always",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "s3", "mountPath": "/reconciler/s3"}],
            }
        ],
        "containers": [
            {
                "name": "main",
                "image": "registry.example.com/busybox",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "wf-db", "key": "password"}}}],
            }
        ],
        "volumes": [{"name": "s3", "secret": {"secretName": "reconciler-s3"}}],
    },
}
S3 = {"name": "s3", "mountPath": "/keys"}
KEY = {"name": "K", "valueFrom": {"secretKeyRef": {"name": "reconciler-s3", "key": "secret-key"}}}
OTHER = {"name": "K", "valueFrom": {"secretKeyRef": {"name": "payroll", "key": "password"}}}
ATTACKS = {
    "another's pod": (lambda p: p["metadata"]["labels"].clear(), "carry the label"),
    "a token": (lambda p: p["spec"].pop("automountServiceAccountToken"), "gets a token"),
    "another account": (lambda p: p["spec"].update(serviceAccountName="default"), "steps run as one of"),
    "the host's network": (lambda p: p["spec"].update(hostNetwork=True), "share nothing with their node"),
    "a shared process namespace": (lambda p: p["spec"].update(shareProcessNamespace=True), "share nothing"),
    "a path of the node": (
        lambda p: p["spec"]["volumes"].append({"name": "h", "hostPath": {"path": "/"}}),
        "no volume of a step",
    ),
    "a projected token": (
        lambda p: p["spec"]["volumes"].append(
            {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}
        ),
        "no volume of a step",
    ),
    "privilege": (
        lambda p: p["spec"]["containers"][0].update(securityContext={"privileged": True}),
        "no container is privileged",
    ),
    "no word on privilege": (
        lambda p: p["spec"]["containers"][0].pop("securityContext"),
        "no container is privileged",
    ),
    "an agent of its own": (
        lambda p: p["spec"]["initContainers"][0].update(image="evil/agent"),
        "agents run the image",
    ),
    "the store's keys as files": (
        lambda p: p["spec"]["containers"][0].update(volumeMounts=[S3]),
        "only agents see the keys",
    ),
    "the store's keys as files, elsewhere": (
        lambda p: (
            p["spec"]["volumes"].append({"name": "x", "secret": {"secretName": "reconciler-s3"}}),
            p["spec"]["containers"][0].update(volumeMounts=[{**S3, "name": "x"}]),
        ),
        "only agents see the keys",
    ),
    "the store's keys as a variable": (
        lambda p: p["spec"]["containers"][0].update(env=[KEY]),
        "no variable holds a key",
    ),
    "all of a Secret as variables": (
        lambda p: p["spec"]["containers"][0].update(envFrom=[{"secretRef": {"name": "wf-db"}}]),
        "no variable holds a key",
    ),
    "a Secret of others": (
        lambda p: p["spec"]["containers"][0].update(env=[OTHER]),
        "Secrets for steps begin with: wf-",
    ),
    "a Secret of others as files": (
        lambda p: p["spec"]["volumes"].append({"name": "x", "secret": {"secretName": "payroll"}}),
        "Secrets for steps begin with: wf-",
    ),
    "an image from elsewhere": (
        lambda p: p["spec"]["containers"][0].update(image="docker.io/evil"),
        "images of steps begin with: registry.example.com/",
    ),
}


@pytest.fixture(scope="module")
def guarded(kwok_cluster: Cluster):
    """Tries to create a pod as the chart's service account where its policy holds; what was said."""
    ops, flows = "guarded-ops", "guarded-flows"
    kwok_cluster.make_namespace(ops)
    # Without a level of Pod Security: what is refused here, the policy refuses.
    kwok_cluster.plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": flows}})
    strict = {"admissionPolicy": {"images": ["registry.example.com/"], "secretPrefixes": ["wf-"]}}
    objects = objects_for((ops, flows), strict)
    policy = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    apply(kwok_cluster, objects, "ServiceAccount", "Role", "RoleBinding", *policy)
    account = kwok_cluster.plane.kubeconfig_of(ops, NAME)

    kubectl = servers.demand("kubectl")

    def attempt(pod: charts.Values) -> str:
        done = subprocess.run(
            [kubectl, "--kubeconfig", account, "create", "--dry-run=server", "-n", flows, "-f", "-"],
            input=json.dumps(pod),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    bad = copy.deepcopy(POD)
    bad["spec"]["hostNetwork"] = True
    while "share nothing" not in attempt(bad):  # a policy takes a moment to be heard of
        time.sleep(0.2)
    yield attempt
    kwok_cluster.kubectl(
        "delete", *(f"{o['kind']}/{o['metadata']['name']}" for o in objects if o["kind"] in policy)
    )
    for name in (ops, flows):
        kwok_cluster.end_namespace(name)


def test_the_policy_lets_a_step_through(guarded):
    assert guarded(POD) == "pod/step created (server dry run)\n"


@pytest.mark.parametrize(("change", "message"), [pytest.param(*v, id=k) for k, v in ATTACKS.items()])
def test_the_policy_refuses(guarded, change, message):
    pod = copy.deepcopy(POD)
    change(pod)
    assert message in guarded(pod)


@pytest.mark.parametrize("chain", [False, True], ids=["sidecar", "chain"])
@pytest.mark.parametrize("outputs", [(), (ArtifactOutput("result", "result.txt"),)], ids=["plain", "outputs"])
def test_the_policy_lets_through_what_the_executor_renders(guarded, chain, outputs):
    """The pods of the executor, and not only the one that stands here, written by hand."""
    options = KubernetesOptions(
        agent_image="reconciler:0.1.0",
        service_account="reconciler-steps",
        store=StoreAccess("s3://bucket", "minio:9000", "us-east-1", secure=False),
        policy=Policy(secret_prefixes=("wf-",)),
    )
    call = StepCall(
        key=AttemptKey("flow-1-cafe", "step", 1),
        prefix="runs/flow/flow-1-cafe/step/1/",
        command=("true",),
        image="registry.example.com/busybox:1",
        secrets=(SecretInput("wf-db", "password", env="PASSWORD"),),
        artifact_outputs=outputs,
    )
    pod = podspec.render(call, options, podspec.layout(call, chain=chain)).pod
    assert guarded(pod) == f"pod/{pod['metadata']['name']} created (server dry run)\n"
