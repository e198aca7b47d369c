"""What a pod looks like, whole, in each layout; and what is refused before there is one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes import podspec
from reconciler.executors.kubernetes.asked import literal
from reconciler.executors.kubernetes.errand import load_errand
from reconciler.executors.kubernetes.options import KubernetesOptions, Policy, StoreAccess
from reconciler.model.run import Artifact, AttemptKey, InputFile, InputText, StepCall
from reconciler.model.workflow import ArtifactOutput, ParameterOutput, SecretInput

KEY = AttemptKey("demo-1-cafe", "a", 1)
CALL = StepCall(key=KEY, prefix="runs/demo/demo-1-cafe/a/1/", command=("echo", "$(HOME)"), image="busybox:1")
DATA = Artifact("data", "runs/x/data", 4, "0" * 64)
OPTIONS = KubernetesOptions(
    agent_image="agent:1", store=StoreAccess("s3://bucket/prefix", "minio:9000", "us-east-1", secure=False)
)

POD_RIGHTS = {
    "seccompProfile": {"type": "RuntimeDefault"},
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "fsGroupChangePolicy": "OnRootMismatch",
}
STEP_RIGHTS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
AGENT_RIGHTS = {**STEP_RIGHTS, "readOnlyRootFilesystem": True}
PRIVATE_MOUNTS = [
    {"name": "io", "mountPath": "/reconciler/work", "subPath": "work"},
    {"name": "io", "mountPath": "/reconciler/home", "subPath": "home"},
    {"name": "io", "mountPath": "/tmp", "subPath": "tmp"},
]
AGENT_MOUNTS = [
    {"name": "io", "mountPath": "/io"},
    {"name": "s3", "mountPath": "/reconciler/s3", "readOnly": True},
    {"name": "agent-tmp", "mountPath": "/tmp"},
]
AGENT_VOLUMES = [
    {"name": "s3", "secret": {"secretName": "reconciler-s3", "defaultMode": 0o440}},
    {"name": "agent-tmp", "emptyDir": {}},
]


def render(call: StepCall, options: KubernetesOptions = OPTIONS, *, chain: bool = False) -> dict[str, Any]:
    return podspec.render(call, options, podspec.layout(call, chain=chain)).pod


def refusal(call: StepCall, options: KubernetesOptions = OPTIONS) -> str:
    with pytest.raises(LaunchRejected) as caught:
        render(call, options)
    return str(caught.value)


def asked(**pod: Any) -> StepCall:
    return replace(CALL, pod=pod)


def names_of(containers: list[dict[str, Any]]) -> list[str]:
    return [container["name"] for container in containers]


def mounted(pod: dict[str, Any], container: str = "main") -> dict[str, tuple[str, bool]]:
    """By path: what of which volume, and whether it is read-only."""
    every = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    found = next(one for one in every if one["name"] == container)
    return {
        m["mountPath"]: (f"{m['name']}:{m.get('subPath', '')}", m.get("readOnly", False))
        for m in found["volumeMounts"]
    }


def test_a_step_without_files_is_one_plain_container() -> None:
    pod = render(replace(CALL, env={"NAME": "a$b"}, timeout=60.5))
    annotations = pod["metadata"].pop("annotations")
    assert pod == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "demo-1-cafe-a-hfs4t4uo7fclqqcj",
            "labels": {
                "app.kubernetes.io/managed-by": "reconciler",
                "app.kubernetes.io/instance": "reconciler",
                "reconciler.dev/run": "demo-1-cafe",
                "reconciler.dev/kind": "step",
            },
            "finalizers": ["reconciler.dev/record"],
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 10,
            "activeDeadlineSeconds": 361,
            "securityContext": POD_RIGHTS,
            "containers": [
                {
                    "name": "main",
                    "image": "busybox:1",
                    "command": ["echo", "$$(HOME)"],
                    "workingDir": "/reconciler/work",
                    "env": [
                        {"name": "HOME", "value": "/reconciler/home"},
                        {"name": "TMPDIR", "value": "/tmp"},
                        {"name": "NAME", "value": "a$$b"},
                    ],
                    "securityContext": STEP_RIGHTS,
                    "volumeMounts": PRIVATE_MOUNTS,
                }
            ],
            "volumes": [{"name": "io", "emptyDir": {}}],
        },
    }
    assert json.loads(annotations.pop("reconciler.dev/attempt")) == {
        "key": {"run_id": "demo-1-cafe", "step": "a", "attempt": 1},
        "prefix": "runs/demo/demo-1-cafe/a/1/",
        "layout": "plain",
        "answers": False,
        "memory": "",
        "program": "echo",
        "timeout": 60.5,
    }
    assert len(annotations.pop("reconciler.dev/spec-hash")) == 64
    assert annotations == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        "kubectl.kubernetes.io/default-container": "main",
    }


WITH_FILES = replace(
    CALL,
    input_files=(InputFile("/in/data.csv", DATA),),
    parameter_outputs=(ParameterOutput("n", "n.txt"),),
    artifact_outputs=(ArtifactOutput("model", "/out/model.json"),),
)


def test_inputs_are_fetched_before_and_outputs_put_by_a_sidecar() -> None:
    pod = render(WITH_FILES)
    fetch, agent = pod["spec"]["initContainers"]
    (main,) = pod["spec"]["containers"]
    errand = load_errand(next(e["value"] for e in fetch["env"] if e["name"] == "RECONCILER_JOB"))
    assert errand.call == replace(WITH_FILES, command=None, image=None)
    assert fetch == {
        "name": "fetch",
        "image": "agent:1",
        "command": ["python", "-m", "reconciler.agent", "fetch"],
        "env": [
            {"name": "RECONCILER_JOB", "value": fetch["env"][0]["value"]},
            {"name": "RECONCILER_STORE_URL", "value": "s3://bucket/prefix"},
            {"name": "RECONCILER_STORE_ENDPOINT", "value": "minio:9000"},
            {"name": "RECONCILER_STORE_REGION", "value": "us-east-1"},
            {"name": "RECONCILER_STORE_SECURE", "value": "false"},
            {"name": "RECONCILER_PATIENCE", "value": "60"},
            {"name": "RECONCILER_PARAMETER_BYTES", "value": "16777216"},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": AGENT_RIGHTS,
        "volumeMounts": AGENT_MOUNTS,
    }
    assert agent == {
        **fetch,
        "name": "agent",
        "command": [
            "/bin/sh",
            "-c",
            "trap 'trap \"\" TERM; kill $$!; exec python -m reconciler.agent put' TERM; "
            "while :; do sleep 86400 >/dev/null 2>&1 & wait $$!; done",
        ],
        "restartPolicy": "Always",
    }
    assert main["volumeMounts"] == [
        *PRIVATE_MOUNTS,
        {"name": "io", "mountPath": "/out", "subPath": "out/3"},
        {"name": "io", "mountPath": "/in/data.csv", "subPath": "in/4", "readOnly": True},
    ]
    assert pod["spec"]["volumes"] == [{"name": "io", "emptyDir": {}}, *AGENT_VOLUMES]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 600


@pytest.mark.parametrize("how", ["exclusive", "chain"])
def test_in_a_chain_the_step_runs_between_the_agents(how: str) -> None:
    pod = render(replace(WITH_FILES, exclusive=how == "exclusive", timeout=60), chain=how == "chain")
    assert names_of(pod["spec"]["initContainers"]) == ["fetch", "main"]
    (put,) = pod["spec"]["containers"]
    assert (put["name"], put["command"][-2:]) == ("put", ["reconciler.agent", "put"])
    assert pod["spec"]["terminationGracePeriodSeconds"] == 10
    assert pod["spec"]["activeDeadlineSeconds"] == 300 + 60 + 600
    assert not any("restartPolicy" in each for each in pod["spec"]["initContainers"])


def test_a_step_with_inputs_alone_has_no_agent_beside_it() -> None:
    pod = render(replace(CALL, input_texts=(InputText("x", "1"),)))
    assert names_of(pod["spec"]["initContainers"]) == ["fetch"]
    assert names_of(pod["spec"]["containers"]) == ["main"]


def test_a_step_with_outputs_alone_fetches_nothing() -> None:
    pod = render(replace(CALL, parameter_outputs=(ParameterOutput("n", "n"),)))
    assert names_of(pod["spec"]["initContainers"]) == ["agent"]


def test_the_image_keeps_its_entrypoint() -> None:
    (main,) = render(replace(CALL, command=None, args=("-x",)))["spec"]["containers"]
    assert "command" not in main
    assert main["args"] == ["-x"]
    assert "args" not in render(replace(CALL, command=None))["spec"]["containers"][0]


def test_a_script_travels_with_the_pod() -> None:
    script = "#!/bin/sh\necho $(date) ünï\n"
    pod = render(replace(CALL, command=None, script=script, args=("x",)))
    (main,) = pod["spec"]["containers"]
    assert main["command"] == ["/reconciler/script", "x"]
    assert pod["metadata"]["annotations"]["reconciler.dev/script"] == script
    assert mounted(pod)["/reconciler/script"] == ("script:script", True)
    field = {"fieldPath": "metadata.annotations['reconciler.dev/script']"}
    assert pod["spec"]["volumes"][1] == {
        "name": "script",
        "downwardAPI": {"items": [{"path": "script", "mode": 0o555, "fieldRef": field}]},
    }


def test_a_large_script_comes_with_the_agent() -> None:
    script = "#!/bin/sh\n" + "#" * podspec.SCRIPT_BYTES
    call = replace(CALL, command=None, script=script)
    rendered = podspec.render(call, OPTIONS, podspec.layout(call, chain=False))
    assert "reconciler.dev/script" not in rendered.pod["metadata"]["annotations"]
    assert mounted(rendered.pod)["/reconciler/script"] == ("io:script/script", True)
    assert rendered.errand_key == "runs/demo/demo-1-cafe/a/1/job.json"
    errand = load_errand(rendered.errand)
    assert errand.call.script == script
    assert errand.locate("/reconciler/script") == ("script", "script")
    (fetch,) = rendered.pod["spec"]["initContainers"]
    assert fetch["env"][0] == {"name": "RECONCILER_JOB_KEY", "value": rendered.errand_key}


def test_paths_share_mounts_where_one_lies_in_the_other() -> None:
    call = replace(
        CALL,
        working_dir="sub",
        input_files=(
            InputFile("/data", DATA),
            InputFile("/data/more.csv", DATA),
            InputFile("/out/previous", DATA),
            InputFile("here.csv", DATA),
            InputFile("/tmp/message", DATA),
        ),
        artifact_outputs=(
            ArtifactOutput("a", "/out/a"),
            ArtifactOutput("b", "/out/deep/b"),
            ArtifactOutput("c", "/results"),
            ArtifactOutput("d", "/tmp/hello_world.txt"),
            ArtifactOutput("e", "e"),
        ),
    )
    assert mounted(render(call)) == {
        "/reconciler/work": ("io:work", False),
        "/reconciler/home": ("io:home", False),
        "/tmp": ("io:tmp", False),
        "/data": ("io:in/3", True),
        "/out": ("io:out/4", False),
        "/results": ("io:out/5", False),
        "/reconciler/work/sub": ("io:work/sub", False),
    }


def test_an_input_with_an_output_below_it_is_shared_as_a_whole() -> None:
    call = replace(
        CALL,
        input_files=(InputFile("/data", DATA),),
        artifact_outputs=(ArtifactOutput("x", "/data/results/x"),),
    )
    assert mounted(render(call))["/data"] == ("io:out/3", False)


def test_the_files_of_the_repository_are_laid_in_an_absolute_working_directory() -> None:
    pod = render(replace(CALL, working_dir="/app", bundle=DATA))
    assert mounted(pod)["/app"] == ("io:out/3", False)
    assert pod["spec"]["containers"][0]["workingDir"] == "/app"


@pytest.mark.parametrize(
    "path", ["/result.txt", "/etc/x", "/usr/bin/x", "/proc/1/x", "/dev/x", "/reconciler/x", "/lib64/x"]
)
def test_no_output_hides_what_programs_need(path: str) -> None:
    assert path in refusal(replace(CALL, parameter_outputs=(ParameterOutput("n", path),)))


@pytest.mark.parametrize("path", ["/var/run/secrets/x", "/sys/x", "/etc", "/reconciler/s3/secret-key"])
def test_no_input_lies_in_the_system(path: str) -> None:
    assert path in refusal(replace(CALL, input_files=(InputFile(path, DATA),)))


def test_secrets_are_references_and_never_values() -> None:
    secrets = (
        SecretInput("db", "password", env="DB_PASSWORD"),
        SecretInput("db", "ca.crt", path="/run/db/ca"),
    )
    pod = render(replace(CALL, secrets=secrets))
    (main,) = pod["spec"]["containers"]
    assert main["env"][-1] == {
        "name": "DB_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}},
    }
    assert mounted(pod)["/run/db/ca"] == ("secret-1:value", True)
    items = [{"key": "ca.crt", "path": "value"}]
    assert pod["spec"]["volumes"][1:] == [
        {"name": "secret-1", "secret": {"secretName": "db", "items": items, "defaultMode": 0o400}}
    ]


def test_a_step_may_ask_for_what_is_allowed() -> None:
    policy = Policy(service_accounts=("ml",), priority_classes=("high",), pull_secrets=("team",))
    sidecar = {"name": "db", "image": "postgres:16", "env": {"A": "$b"}, "args": ["-c", "$(x)"]}
    pod = render(
        asked(
            resources={"limits": {"memory": "1Gi"}},
            nodeSelector={"disk": "ssd"},
            tolerations=[{"key": "gpu", "operator": "Exists"}],
            serviceAccountName="ml",
            priorityClassName="high",
            imagePullSecrets=["team"],
            labels={"team": "growth"},
            annotations={"example.com/x": "y"},
            securityContext={"runAsUser": 2000, "readOnlyRootFilesystem": True},
            volumes=[
                {"name": "cache", "mountPath": "/cache", "persistentVolumeClaim": {"claimName": "c"}},
                {"name": "conf", "mountPath": "/conf", "readOnly": True, "configMap": {"name": "conf"}},
                {"name": "shm", "mountPath": "/dev/shm", "emptyDir": {"medium": "Memory"}},
            ],
            sidecars=[sidecar],
        ),
        replace(OPTIONS, policy=policy, image_pull_secrets=("ours",), node_selector={"pool": "batch"}),
    )
    spec, (main,) = pod["spec"], pod["spec"]["containers"]
    assert main["resources"] == {"limits": {"memory": "1Gi"}}
    assert main["securityContext"] == {**STEP_RIGHTS, "readOnlyRootFilesystem": True}
    assert spec["securityContext"]["runAsUser"] == 2000
    assert (spec["nodeSelector"], spec["tolerations"]) == (
        {"disk": "ssd", "pool": "batch"},
        [{"key": "gpu", "operator": "Exists"}],
    )
    assert (spec["serviceAccountName"], spec["priorityClassName"]) == ("ml", "high")
    assert spec["imagePullSecrets"] == [{"name": "ours"}, {"name": "team"}]
    assert spec["volumes"][1:] == [
        {"name": "volume-0", "persistentVolumeClaim": {"claimName": "c"}},
        {"name": "volume-1", "configMap": {"name": "conf"}},
        {"name": "volume-2", "emptyDir": {"medium": "Memory"}},
    ]
    assert (mounted(pod)["/cache"], mounted(pod)["/conf"]) == (("volume-0:", False), ("volume-1:", True))
    assert spec["initContainers"] == [
        {
            "name": "db",
            "image": "postgres:16",
            "env": [{"name": "A", "value": "$$b"}],
            "args": ["-c", "$$(x)"],
            "restartPolicy": "Always",
            "securityContext": STEP_RIGHTS,
        }
    ]
    assert pod["metadata"]["labels"]["team"] == "growth"
    assert json.loads(pod["metadata"]["annotations"]["reconciler.dev/attempt"])["memory"] == "1Gi"


VOLUME = {"name": "v", "mountPath": "/v"}


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        ({"hostNetwork": True}, "pod: 'hostNetwork' is not allowed"),
        ({"serviceAccountName": "admin"}, "serviceAccountName: 'admin' is not allowed here; allowed: none"),
        ({"priorityClassName": "system-node-critical"}, "priorityClassName"),
        ({"runtimeClassName": "x"}, "runtimeClassName"),
        ({"imagePullSecrets": ["x"]}, "imagePullSecrets"),
        ({"securityContext": {"privileged": True}}, "'privileged' is not allowed"),
        ({"securityContext": {"runAsUser": 0}}, "no step runs as root here"),
        ({"labels": {"reconciler.dev/run": "x"}}, "belongs to the cluster or to Reconciler"),
        ({"annotations": {"container.apparmor.security.beta.kubernetes.io/main": "x"}}, "belongs to the"),
        ({"volumes": [{**VOLUME, "hostPath": {"path": "/"}}]}, "of the kind 'hostPath'"),
        ({"volumes": [{**VOLUME, "projected": {}}]}, "of the kind 'projected'"),
        ({"volumes": [{**VOLUME, "secret": {"secretName": "reconciler-s3"}}]}, "is not for steps"),
        ({"volumes": [{"name": "v", "mountPath": "/etc", "emptyDir": {}}]}, "would hide a directory"),
        ({"volumes": [{"name": "v", "mountPath": "/dev", "emptyDir": {}}]}, "belongs to the system"),
        (
            {"volumes": [{"name": "v", "mountPath": "/reconciler/s3", "emptyDir": {}}]},
            "belongs to the system",
        ),
        ({"sidecars": [{"name": "agent", "image": "x"}]}, "cannot be called 'agent'"),
        ({"sidecars": [{"name": "x", "image": "x", "volumeMounts": []}]}, "'volumeMounts' is not allowed"),
    ],
)
def test_what_is_not_allowed_is_refused_whatever_the_schema_says(pod: dict[str, Any], why: str) -> None:
    assert why in refusal(asked(**pod))


def test_the_secret_of_the_store_is_never_given_to_a_step() -> None:
    call = replace(CALL, secrets=(SecretInput("reconciler-s3", "secret-key", env="X"),))
    assert "holds the keys of the artifact store" in refusal(call)


def test_row_16_secrets_of_steps_may_have_to_begin_with_a_prefix() -> None:
    options = replace(OPTIONS, policy=Policy(secret_prefixes=("wf-",)))
    call = replace(CALL, secrets=(SecretInput("db", "password", env="X"),))
    assert "their names begin with 'wf-'" in refusal(call, options)
    assert render(replace(CALL, secrets=(SecretInput("wf-db", "password", env="X"),)), options)


def test_a_step_without_an_image_takes_the_default_or_is_refused() -> None:
    call = replace(CALL, image=None)
    assert "names no image" in refusal(call)
    pod = render(call, replace(OPTIONS, image="python:3.12"))
    assert pod["spec"]["containers"][0]["image"] == "python:3.12"


def test_what_the_operator_has_not_set_is_named() -> None:
    assert "kubernetes.agent_image is not set" in refusal(WITH_FILES, replace(OPTIONS, agent_image=""))
    assert "store.url (an S3 bucket) is not set" in refusal(WITH_FILES, KubernetesOptions(agent_image="x"))


def test_a_pod_that_the_cluster_could_not_keep_is_refused() -> None:
    call = replace(CALL, env={f"V{n}": "x" * 30_000 for n in range(40)})
    assert "more than the cluster can keep" in refusal(call)


def test_in_the_profile_baseline_a_step_may_be_the_user_of_its_image() -> None:
    pod = render(WITH_FILES, replace(OPTIONS, profile="baseline", user=None, group=None))
    assert pod["spec"]["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["spec"]["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": False}
    assert pod["spec"]["initContainers"][0]["securityContext"] == {
        **AGENT_RIGHTS,
        "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]},
        "runAsUser": 0,
    }


def test_the_owner_of_a_pod_is_the_anchor_of_its_run() -> None:
    pod = podspec.owned(render(CALL), podspec.Anchor("run-demo-1-cafe", "u-1"))
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "run-demo-1-cafe", "uid": "u-1"}
    assert pod["metadata"]["ownerReferences"] == [owner]


def test_the_hash_tells_another_call_but_not_another_variable() -> None:
    assert podspec.spec_hash(CALL) == podspec.spec_hash(replace(CALL, env={"NEW": "x"}))
    assert podspec.spec_hash(CALL) != podspec.spec_hash(replace(CALL, image="other"))


def expanded(text: str) -> str:
    """As the kubelet does it: $$ is $, $(NAME) would be replaced."""
    found, rest = "", text
    while rest:
        if rest.startswith("$$"):
            found, rest = found + "$", rest[2:]
            continue
        assert not rest.startswith("$("), text
        found, rest = found + rest[0], rest[1:]
    return found


@given(st.text(alphabet="$()aA{}"))
def test_nothing_in_a_word_is_replaced_by_the_cluster(word: str) -> None:
    assert expanded(literal(word)) == word


def test_a_pod_names_the_queue_that_it_waits_in() -> None:
    assert "kueue.x-k8s.io/queue-name" not in render(CALL)["metadata"]["labels"]
    queued = render(CALL, replace(OPTIONS, queue="team"))
    assert queued["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
