"""`reconciler doctor`: every line says how it is, and what to do."""

from __future__ import annotations

from tests.cli.command import call, follows_the_schema
from tests.cli.definitions import one


def findings(place, code=0, **variables):
    document = call(place, "doctor", "-o", "json", code=code, **variables).json
    follows_the_schema(document, "diagnosis")
    return {each["subject"]: (each["verdict"], each["text"], each["hint"]) for each in document["findings"]}


def test_a_sound_place_fails_nowhere(place):
    place.push(one=one("one", "true"))
    place.run("pass")
    found = findings(place)
    assert {verdict for verdict, _, _ in found.values()} == {"OK"}
    assert set(found) == {"git", "repository", "ledger", "store", "state", "lock", "executor", "images"}


def test_it_pushes_nothing(place):
    place.push(one=one("one", "true"))
    before = place.git("for-each-ref", cwd=place.remote)
    findings(place)
    assert place.git("for-each-ref", cwd=place.remote) == before


def test_settings_are_shown_with_their_origin_and_secrets_are_not(place):
    variables = {"RECONCILER_STORE_SECRET_KEY": "hunter2", "RECONCILER_STORE_ACCESS_KEY": "me"}
    config = place.root / "settings.yaml"
    config.write_text("executor:\n  slots: 3\n")
    out = call(place, "doctor", "--config", str(config), "--pass-budget", "1m", **variables).out
    assert f"executor.slots = 3   ({config}:2)" in out
    assert "pass.budget = 60.0   (--pass-budget)" in out
    assert "store.secret_key = ***   (RECONCILER_STORE_SECRET_KEY)" in out
    assert "hunter2" not in out


def test_a_repository_without_the_branch_is_a_warning(place):
    verdict, text, hint = findings(place)["repository"]
    assert (verdict, text) == ("WARN", f"{place.remote} has no branch 'main' yet")
    assert hint.startswith("Push to it")


def test_without_a_repository_it_fails_and_goes_on(place):
    found = findings(place, code=1, RECONCILER_REPOSITORY_URL="")
    assert found["repository"][0] == "FAIL"
    assert "RECONCILER_REPOSITORY_URL" in found["repository"][2]
    assert found["executor"][0] == "OK"


def test_a_cluster_that_cannot_be_reached_is_told(place):
    variables = {"RECONCILER_EXECUTOR_NAME": "kubernetes", "KUBERNETES_SERVICE_HOST": ""}
    config = place.root / "kubeconfig"
    found = findings(place, code=1, RECONCILER_KUBERNETES_KUBECONFIG=str(config), **variables)
    verdict, text, hint = found["executor"]
    assert (verdict, hint) == (
        "FAIL",
        "Set kubernetes.kubeconfig, or run the pass in a pod with a service account.",
    )
    assert text.startswith("There is no access to a cluster: ")
    assert found["git"][0] == "OK"


def test_a_ledger_that_refuses_is_told(place):
    place.push(one=one("one", "true"))
    hook = place.root / "nowhere.git"
    found = findings(place, code=1, RECONCILER_LEDGER_URL=str(hook))
    assert found["ledger"][0] == "FAIL"
    assert found["repository"][0] == "OK"


def test_a_store_without_keys_or_without_a_server_is_told(place):
    s3 = {"RECONCILER_STORE_URL": "s3://bucket/prefix", "RECONCILER_STORE_ENDPOINT": "127.0.0.1:1"}
    assert findings(place, code=1, **s3)["store"][0] == "FAIL"
    keys = {"RECONCILER_STORE_ACCESS_KEY": "a", "RECONCILER_STORE_SECRET_KEY": "b" * 20}
    verdict, text, _ = findings(place, code=1, RECONCILER_STORE_SECURE="false", **s3, **keys)["store"]
    assert verdict == "FAIL"
    assert "the server does not answer" in text


def test_without_bubblewrap_it_says_what_to_install(place):
    place.push(one=one("one", "true"))
    found = findings(place, RECONCILER_EXECUTOR_ISOLATION="auto", RECONCILER_EXECUTOR_PATH="/nowhere")
    assert found["executor"][0] == "WARN"
    assert "apt install bubblewrap" in found["executor"][2]
    wanted = {"RECONCILER_EXECUTOR_ISOLATION": "bubblewrap", "RECONCILER_EXECUTOR_PATH": "/nowhere"}
    assert findings(place, code=1, **wanted)["executor"][0] == "FAIL"
