"""The chart without a cluster: what helm makes of values, and which values it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.settings import read_settings, table
from tests.cluster import charts
from tests.cluster.charts import CHART, SMALLEST, helm, merged, one, rendered, settings_of

SHARDED = {"shards": 4, "state": {"kind": "s3"}}
SSH = {
    "settings": {"repository": {"url": "ssh://git@git.example.com/team/flows.git"}},
    "git": {
        "secret": "deploy-key",
        "sshKey": "ssh-privatekey",
        "knownHosts": "git.example.com ssh-ed25519 AAAA",
    },
}
APP = {
    "settings": {"repository": {"github_app": 123456, "github_installation": "7654321"}},
    "git": {"secret": "forge", "appKey": "app.pem"},
}
TOKEN = {"git": {"secret": "forge", "tokenKey": "token"}}
FULL = {
    "image": {
        "repository": "registry.example.com/reconciler",
        "digest": f"sha256:{'0' * 64}",
        "pullSecrets": ["reg"],
    },
    "git": {
        "secret": "forge",
        "tokenKey": "token",
        "signingKey": "signing",
        "ledgerSecret": "push",
        "ledgerTokenKey": "token",
        "ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "allowedSigners": "ada@example.com ssh-ed25519 AAAA",
    },
    "s3": {"secret": "bucket"},
    "workflows": {
        "queue": "batch",
        "labels": {"team": "growth"},
        "quota": {"pods": 100, "requests.memory": "64Gi"},
        "limits": [{"type": "Container", "default": {"memory": "1Gi"}}],
        "rules": [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "create", "delete"]}],
    },
    "networkPolicy": {"enabled": True, "storePorts": [9000], "egress": [{"to": [{"podSelector": {}}]}]},
    "admissionPolicy": {
        "images": ["registry.example.com/"],
        "secretPrefixes": ["wf-"],
        "serviceAccounts": ["ml"],
    },
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"pool": "ops"},
    "tolerations": [{"key": "ops", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "extraVolumes": [{"name": "extra", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
    "serviceAccount": {"annotations": {"iam": "role"}},
    "settings": {
        "store": {"url": "s3://artifacts/flows", "endpoint": "minio:9000"},
        "logging": {"format": "json"},
    },
}
MATRIX = {
    "smallest": {},
    "deployment": {"mode": "deployment"},
    "sharded": SHARDED,
    "sharded deployment": {**SHARDED, "mode": "deployment"},
    "no state": {"state": {"kind": "none"}},
    "claim of others": {"state": {"existingClaim": "mine"}},
    "shared volume": {"shards": 2, "state": {"accessModes": ["ReadWriteMany"]}},
    "ssh": SSH,
    "github app": APP,
    "full": FULL,
    "own namespace": {"workflows": {"namespace": "ops", "create": False}},
    "bare": {
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "admissionPolicy": {"enabled": False},
        "cleanup": {"enabled": False},
        "test": {"enabled": False},
    },
}

matrix = pytest.mark.parametrize("values", [pytest.param(v, id=k) for k, v in MATRIX.items()])


@matrix
def test_lint_has_nothing_to_say(values):
    said = helm("lint", "--strict", str(CHART), values=merged(SMALLEST, values))
    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert "[WARNING]" not in said


@matrix
def test_the_pass_understands_the_settings_that_it_is_given(tmp_path: Path, values):
    config = tmp_path / "reconciler.yaml"
    config.write_text(one(rendered(values), "ConfigMap")["data"]["reconciler.yaml"])
    settings = read_settings(environ={"HOME": "/tmp"}, config=config)
    assert (settings.executor.name, settings.state.directory) == ("kubernetes", "/var/lib/reconciler")


def test_the_settings_follow_from_the_values(tmp_path):
    assert settings_of(rendered()) == {
        "executor": {"name": "kubernetes"},
        "kubernetes": {
            "agent_image": "reconciler:0.1.0",
            "instance": "flows-reconciler",
            "namespace": "workflows",
            "profile": "restricted",
            "pull_policy": "IfNotPresent",
            "service_account": "reconciler-steps",
            "store_secret": "reconciler-s3",
        },
        "lease": {"name": "flows-reconciler", "namespace": "ops"},
        "pass": {"shards": 1},
        "repository": {"url": "https://git.example.com/team/flows.git"},
        "state": {"directory": "/var/lib/reconciler"},
    }


def test_every_setting_can_be_given_and_wins(tmp_path):
    """As text in the file, numbers too: helm makes large ones floating-point."""
    given = {
        "limits": {"files": 12_345_678},
        "pass": {"budget": "5m"},
        "kubernetes": {"labels": ["a=b", "c=d"]},
    }
    config = tmp_path / "reconciler.yaml"
    config.write_text(one(rendered({"settings": given}), "ConfigMap")["data"]["reconciler.yaml"])
    settings = read_settings(environ={"HOME": "/tmp"}, config=config)
    assert (settings.limits.files, settings.pass_.budget) == (12_345_678, 300.0)
    assert settings.kubernetes.labels == ("a=b", "c=d")
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = {
        f"{group}.{name}"
        for group, about in schema["properties"]["settings"]["properties"].items()
        for name in about["properties"]
    }
    assert known == {row.name for row in table().values() if not row.about.kind.secret}


def test_a_cron_job_never_works_beside_itself_and_never_retries_by_itself():
    spec = one(rendered(), "CronJob")["spec"]
    work = spec["jobTemplate"]["spec"]
    assert {
        key: spec[key] for key in ("schedule", "timeZone", "concurrencyPolicy", "startingDeadlineSeconds")
    } == {
        "schedule": "* * * * *",
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 200,
    }
    assert (work["backoffLimit"], work["activeDeadlineSeconds"]) == (0, 900)
    assert work["template"]["spec"]["containers"][0]["args"] == ["pass"]


def test_each_shard_is_told_which_it_is_and_cannot_end_the_others():
    work = one(rendered(SHARDED), "CronJob")["spec"]["jobTemplate"]["spec"]
    assert {
        key: work[key] for key in ("completionMode", "completions", "parallelism", "backoffLimitPerIndex")
    } == {
        "completionMode": "Indexed",
        "completions": 4,
        "parallelism": 4,
        "backoffLimitPerIndex": 0,
    }
    index = {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}
    variables = work["template"]["spec"]["containers"][0]["env"]
    assert {"name": "RECONCILER_PASS_SHARD", "valueFrom": {"fieldRef": index}} in variables
    assert settings_of(rendered(SHARDED))["pass"] == {"shards": 4}


def test_a_deployment_for_each_shard_never_runs_two_pods_of_it():
    found = [o for o in rendered(SHARDED, {"mode": "deployment"}) if o["kind"] == "Deployment"]
    assert [o["metadata"]["name"] for o in found] == [f"flows-reconciler-{n}" for n in range(4)]
    for number, each in enumerate(found):
        container = each["spec"]["template"]["spec"]["containers"][0]
        assert each["spec"]["strategy"] == {"type": "Recreate"}
        assert container["args"] == ["pass", "--pass-forever", "true"]
        assert {"name": "RECONCILER_PASS_SHARD", "value": str(number)} in container["env"]
        assert (
            f"/var/lib/reconciler/shard-{number}/heartbeat"
            in container["livenessProbe"]["exec"]["command"][2]
        )


@pytest.mark.parametrize(
    ("kind", "volume"), [("pvc", "persistentVolumeClaim"), ("s3", "emptyDir"), ("none", "emptyDir")]
)
def test_the_state_is_kept_where_the_values_say(kind, volume):
    objects = rendered({"state": {"kind": kind}})
    pod = one(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert volume in next(v for v in pod["volumes"] if v["name"] == "state")
    assert [o["kind"] for o in objects].count("PersistentVolumeClaim") == (kind == "pvc")
    assert settings_of(objects)["state"].get("snapshot") == ("store" if kind == "s3" else None)


@pytest.mark.parametrize(
    ("values", "setting", "key"),
    [
        pytest.param(TOKEN, "token_file", "token", id="token"),
        pytest.param(SSH, "ssh_key", "ssh-privatekey", id="ssh"),
        pytest.param(APP, "github_key_file", "app.pem", id="github app"),
    ],
)
def test_the_way_into_the_repository_is_a_file_of_its_secret(tmp_path: Path, values, setting, key):
    objects = rendered(values)
    config = tmp_path / "reconciler.yaml"
    config.write_text(one(objects, "ConfigMap")["data"]["reconciler.yaml"])
    repository = read_settings(environ={"HOME": "/tmp"}, config=config).repository
    assert getattr(repository, setting) == f"/run/secrets/git/{key}"
    assert repository.github_app == ("123456" if values is APP else "")
    pod = one(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "git"]
    assert volume["secret"]["secretName"] == values["git"]["secret"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "git"]
    assert (mount["mountPath"], mount["readOnly"]) == ("/run/secrets/git", True)


def test_changed_settings_begin_a_new_pod():
    def checksum(*values):
        template = one(rendered({"mode": "deployment"}, *values), "Deployment")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum()
    assert checksum() != checksum({"settings": {"logging": {"level": "debug"}}})
    assert checksum() != checksum({"git": {"knownHosts": "host ssh-ed25519 AAAA"}})


REFUSED = {
    "an unknown value": ({"imagee": {}}, "imagee"),
    "an unknown value further in": ({"image": {"tagg": "1"}}, "tagg"),
    "an unknown mode": ({"mode": "daemon"}, "mode"),
    "a wrong type": ({"shards": "two"}, "shards"),
    "no shard": ({"shards": 0}, "shards"),
    "half a cron line": ({"cronjob": {"schedule": "* * *"}}, "schedule"),
    "an unknown state": ({"state": {"kind": "etcd"}}, "kind"),
    "an unknown setting": ({"settings": {"pass": {"budgett": "5m"}}}, "budgett"),
    "an unknown group of settings": ({"settings": {"passes": {}}}, "passes"),
    "a secret among the settings": ({"settings": {"store": {"secret_key": "hush"}}}, "secret_key"),
    "half a digest": ({"image": {"digest": "sha256:12"}}, "digest"),
    "a privileged namespace": ({"workflows": {"podSecurity": "privileged"}}, "podSecurity"),
    "an impossible namespace": ({"workflows": {"namespace": "Work_Flows"}}, "namespace"),
}


@pytest.mark.parametrize(("values", "word"), [pytest.param(*v, id=k) for k, v in REFUSED.items()])
def test_what_cannot_be_meant_is_refused(values, word):
    said = helm("template", "flows", str(CHART), values=merged(SMALLEST, values), code=1)
    assert word in said


def test_shards_on_a_volume_of_one_node_are_refused():
    said = helm("template", "flows", str(CHART), values=merged(SMALLEST, {"shards": 2}), code=1)
    assert "state.accessModes must hold ReadWriteMany, or state.kind be s3 or none" in said


def test_without_a_repository_nothing_is_installed():
    assert "settings.repository.url must say where the workflows are" in helm(
        "template", "flows", str(CHART), values={}, code=1
    )


@matrix
def test_nothing_that_is_made_may_read_secrets_execute_in_pods_or_act_beyond_its_namespaces(values):
    objects = rendered(values)
    assert not [o for o in objects if o["kind"] in ("ClusterRole", "ClusterRoleBinding")]
    for role in (o for o in objects if o["kind"] == "Role"):
        for rule in role["rules"]:
            assert not {"secrets", "pods/exec", "pods/attach", "serviceaccounts", "roles", "*"} & set(
                rule["resources"]
            )
            assert "*" not in rule["verbs"]


@matrix
def test_every_pod_of_the_chart_keeps_the_level_restricted(values):
    for pod in charts.pods(rendered(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_names_stay_within_what_a_cron_job_may_have():
    long = rendered(name="a-name-that-is-much-longer-than-anybody-needs-it")
    assert all(len(o["metadata"]["name"]) <= 52 for o in long if o["kind"] == "CronJob")
