"""After a step ended: what it left is in the store, and a manifest says so, or the pass learns why not."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from reconciler.executors.kubernetes.agent import BESIDE, PUT
from reconciler.executors.kubernetes.errand import Errand, Harvest
from reconciler.model.run import Artifact, Outputs
from reconciler.model.workflow import ArtifactOutput, FailureClass, ParameterOutput
from tests import servers
from tests.agent.pod import PREFIX, Pod, an_errand, is_ready, memory_of, without_rights

MIB = 1 << 20
ONE = an_errand(artifact_outputs=(ArtifactOutput("model", "/out/model.bin"),))


def write(pod: Pod, path: str, content: bytes = b"x") -> Path:
    whole = pod.io / path
    whole.parent.mkdir(parents=True, exist_ok=True)
    whole.write_bytes(content)
    return whole


def waiting(pod: Pod, errand: Errand) -> subprocess.Popen[bytes]:
    """An agent that waits beside its step."""
    agent = pod.start(BESIDE, errand=errand)
    while not is_ready(agent):
        assert agent.poll() is None
    return agent


def told_to_stop(pod: Pod, errand: Errand) -> subprocess.Popen[bytes]:
    agent = waiting(pod, errand)
    agent.send_signal(signal.SIGTERM)
    return agent


def test_outputs_of_every_kind_arrive(pod: Pod) -> None:
    write(pod, "work/n.txt", b"3\n")
    write(pod, "out/1/model.bin", b"m")
    write(pod, "out/1/empty", b"")
    write(pod, "work/Berichte März/a b", b"c")
    errand = an_errand(
        parameter_outputs=(
            ParameterOutput("n", "n.txt", "integer"),
            ParameterOutput("usual", "no.txt", default="d"),
        ),
        artifact_outputs=(
            ArtifactOutput("model", "/out/model.bin"),
            ArtifactOutput("empty", "/out/empty"),
            ArtifactOutput("reports", "Berichte März"),
            ArtifactOutput("listed", "Berichte März", archive="files"),
            ArtifactOutput("maybe", "/out/none", optional=True),
        ),
    )
    assert pod.put(errand).code == 0
    outputs = pod.outputs()
    assert outputs.parameters == {"n": "3\n"}
    assert sorted(outputs.artifacts) == ["empty", "listed", "model", "reports"]
    assert outputs.artifacts["model"] == Artifact(
        "model",
        f"{PREFIX}artifacts/model",
        1,
        "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a",
        content_type="application/octet-stream",
    )
    assert pod.read(f"{PREFIX}artifacts/listed/a b") == b"c"


def test_a_missing_output_is_told_by_the_manifest(pod: Pod) -> None:
    write(pod, "out/1/modell.bin")
    write(pod, "work/n.txt", b"3")
    errand = an_errand(
        parameter_outputs=(ParameterOutput("n", "n.txt"),),
        artifact_outputs=(ArtifactOutput("model", "/out/model.bin"),),
    )
    assert pod.put(errand).code == 0
    assert pod.manifest() == Harvest(
        Outputs({"n": "3"}),
        FailureClass.FAILURE,
        "OutputMissing",
        "Output 'model' is missing: nothing stands at '/out/model.bin'. Did you mean 'modell.bin'?",
    )


def test_a_directory_that_the_step_removed_is_a_missing_output(pod: Pod) -> None:
    assert pod.put(ONE).code == 0
    found = pod.manifest()
    assert found is not None
    assert (found.failure, found.reason) == (FailureClass.FAILURE, "OutputMissing")


def test_an_agent_beside_its_step_weighs_next_to_nothing(pod: Pod) -> None:
    """An interpreter alone would be 4 MiB, one that has loaded an S3 client 30."""
    agent = waiting(pod, ONE)
    assert memory_of(agent) < MIB
    agent.send_signal(signal.SIGTERM)
    assert pod.end(agent).code == 0


def test_nothing_is_stored_until_the_step_has_ended(pod: Pod) -> None:
    write(pod, "out/1/model.bin", b"unfinished")
    agent = waiting(pod, ONE)
    write(pod, "out/1/model.bin", b"done")
    assert list(pod.store.keys("")) == []
    agent.send_signal(signal.SIGTERM)
    assert pod.end(agent).code == 0
    assert pod.read(pod.outputs().artifacts["model"].key) == b"done"


def test_told_twice_it_still_ends_its_work(pod_on_s3: Pod) -> None:
    write(pod_on_s3, "out/1/model.bin", os.urandom(100 * MIB))
    agent = told_to_stop(pod_on_s3, ONE)
    for _ in range(3):
        agent.send_signal(signal.SIGTERM)
    assert pod_on_s3.end(agent).code == 0
    assert pod_on_s3.outputs().artifacts["model"].size == 100 * MIB


def test_a_store_that_is_away_for_a_while_costs_nothing_but_time(
    pod_on_s3: Pod, server: servers.Server
) -> None:
    write(pod_on_s3, "out/1/model.bin", os.urandom(40 * MIB))
    server.freeze()
    agent = told_to_stop(pod_on_s3, ONE)
    with pytest.raises(subprocess.TimeoutExpired):  # it waits for the store, and for nothing else
        agent.wait(timeout=3)
    server.thaw()
    assert pod_on_s3.end(agent).code == 0
    assert pod_on_s3.outputs().artifacts["model"].size == 40 * MIB


def test_a_store_that_stays_away_leaves_no_manifest_and_is_told(
    pod_on_s3: Pod, server: servers.Server
) -> None:
    write(pod_on_s3, "out/1/model.bin")
    server.kill()
    ended = pod_on_s3.with_variables(RECONCILER_PATIENCE="0.5").put(ONE)
    assert ended.code == 1
    assert ended.complaint is not None
    assert (ended.complaint.failure, ended.complaint.reason) == (
        FailureClass.INFRASTRUCTURE,
        "StoreUnavailable",
    )


def test_killed_in_the_middle_of_an_upload_it_leaves_no_manifest(
    pod_on_s3: Pod, server: servers.Server
) -> None:
    errand = an_errand(
        parameter_outputs=(ParameterOutput("n", "n.txt"),),
        artifact_outputs=(
            ArtifactOutput("first", "/out/first"),
            ArtifactOutput("model", "/out/model.bin"),
        ),
    )
    write(pod_on_s3, "work/n.txt", b"3")
    write(pod_on_s3, "out/1/first", b"1")
    large = write(pod_on_s3, "out/1/model.bin")
    os.truncate(large, 40_000 * MIB)  # sparse: it cannot be through before it is killed
    agent = told_to_stop(pod_on_s3, errand)
    while pod_on_s3.store.stat(f"{PREFIX}artifacts/first") is None:
        assert agent.poll() is None
    agent.kill()
    pod_on_s3.end(agent)
    assert list(pod_on_s3.store.keys("")) == [f"{PREFIX}artifacts/first"]
    assert pod_on_s3.manifest() is None
    os.truncate(large, 1)
    assert pod_on_s3.put(errand).code == 0
    assert pod_on_s3.outputs().parameters == {"n": "3"}


def test_keys_stand_neither_in_arguments_nor_in_variables(pod_on_s3: Pod) -> None:
    write(pod_on_s3, "out/1/model.bin")
    agent = waiting(pod_on_s3, ONE)
    visible = b"".join(Path(f"/proc/{agent.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert (servers.ACCESS_KEY.encode() in visible, servers.SECRET_KEY.encode() in visible) == (False, False)
    agent.send_signal(signal.SIGTERM)
    ended = pod_on_s3.end(agent)
    assert (ended.code, servers.SECRET_KEY in ended.said) == (0, False)


def test_keys_are_never_part_of_an_error(pod_on_s3: Pod) -> None:
    write(pod_on_s3, "out/1/model.bin")
    (pod_on_s3.root / "keys" / "secret-key").write_text("a-wrong-key")
    ended = pod_on_s3.put(ONE)
    assert (ended.code, "a-wrong-key" in ended.said) == (1, False)
    assert ended.complaint is not None
    assert "SignatureDoesNotMatch" in ended.complaint.message
    assert ended.complaint.failure is FailureClass.INFRASTRUCTURE


def test_a_file_that_the_agent_may_not_read_is_refused_with_what_to_do(pod: Pod) -> None:
    write(pod, "out/1/model.bin").chmod(0o000)
    assert pod.put(ONE, through=without_rights()).code == 0
    assert pod.manifest() == Harvest(
        Outputs(),
        FailureClass.FAILURE,
        "OutputRefused",
        "Output 'model' (model.bin): 'model.bin' may not be read: Permission denied. "
        "Let the step make it readable for others: chmod -R a+rX.",
    )


def test_the_same_content_is_the_same_artifact_whoever_packed_it(pod: Pod, tmp_path: Path) -> None:
    """Neither user nor umask nor time of the step have a part in the digest."""
    for name, umask, moment in (("one", 0o022, 1_000_000_000), ("two", 0o077, 2_000_000_000)):
        before = os.umask(umask)
        for path in ("deep/a", "b"):
            os.utime(write(pod, f"work/{name}/{path}", b"same"), (moment, moment))
        os.umask(before)
    if os.geteuid() == 0:
        for path in [pod.io / "work/two", *(pod.io / "work/two").rglob("*")]:
            os.chown(path, 4321, 4321)
    outputs = tuple(
        ArtifactOutput(f"{name}-{archive}", name, archive=archive)
        for name in ("one", "two")
        for archive in ("tar", "files")
    )
    assert pod.put(an_errand(artifact_outputs=outputs)).code == 0
    found = {name: artifact.sha256 for name, artifact in pod.outputs().artifacts.items()}
    assert found["one-tar"] == found["two-tar"] == pod.given(pod.io / "work/one").sha256
    assert found["one-files"] == found["two-files"]


def test_a_value_of_16_mib_arrives(pod: Pod) -> None:
    write(pod, "work/n.txt", "ü".encode() * (8 * MIB))
    assert pod.put(an_errand(parameter_outputs=(ParameterOutput("n", "n.txt"),))).code == 0
    assert pod.outputs().parameters == {"n": "ü" * (8 * MIB)}


def test_a_value_beyond_the_limit_is_refused(pod: Pod) -> None:
    write(pod, "work/n.txt", b"12345")
    limited = pod.with_variables(RECONCILER_PARAMETER_BYTES="4")
    assert limited.put(an_errand(parameter_outputs=(ParameterOutput("n", "n.txt"),))).code == 0
    found = pod.manifest()
    assert found is not None
    assert (found.reason, found.message) == (
        "OutputRefused",
        "Output 'n' (n.txt) is larger than 4 bytes; make it an artifact.",
    )


def test_words_that_it_does_not_know_are_refused(pod: Pod) -> None:
    ended = pod.end(pod.start([*PUT, "--later"]))
    assert (ended.code, ended.said) == (2, "usage: python -m reconciler.agent fetch | put\n")
