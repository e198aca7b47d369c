"""Files and values between pods of a real kubelet, by real agents, and what user code tries against these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.bed.cluster import Cluster
from tests.servers import Server

pytest.register_assert_rewrite("tests.executors.contract")

from reconciler.model.run import Artifact, InputFile, InputText, Observation, StepCall  # noqa: E402
from reconciler.model.workflow import ArtifactOutput, FailureClass, ParameterOutput  # noqa: E402
from tests.cluster.pod_house import SECRET, PodHouse, house  # noqa: E402
from tests.executors.contract import FAILURE, call, failure, run  # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
PATIENCE = 900.0
"""Seconds for what takes long where the machine has other things to do."""


@pytest.fixture(params=["sidecar", "chain"])
def pods(
    request: pytest.FixtureRequest, cluster: Cluster, minio: Server, namespace: str, tmp_path: Path
) -> Iterator[PodHouse]:
    """An executor's home in each layout."""
    found = house(cluster, namespace, tmp_path, minio, layout=request.param, patience=60.0)
    yield found
    found.close()


def succeeded(pods: PodHouse, what: StepCall) -> Observation:
    observation = run(pods.open(), what, PATIENCE)
    assert failure(observation) == (None, ""), f"{observation.message}\n{observation.log_tail}"
    return observation


def given(path: str, artifact: Artifact) -> InputFile:
    return InputFile(path, artifact)


def test_any_file_passes_to_any_other_path_between_unmodified_images(pods: PodHouse) -> None:
    output = ArtifactOutput("hello", "/tmp/hello_world.txt")
    whalesay = call("a", "echo hello world > /tmp/hello_world.txt", artifact_outputs=(output,))
    hello = succeeded(pods, whalesay).outputs.artifacts["hello"]
    consume = call("b", "cat /tmp/message", input_files=(given("/tmp/message", hello),))
    assert succeeded(pods, consume).log_tail == "hello world\n"


MAKE_ALL = """
mkdir -p many/deep && cd many
i=0; while [ $i -lt 10000 ]; do echo $i > $i; i=$((i+1)); done
cd ..
: > /out/empty
mkdir -p 'Berichte März' && echo inhalt > 'Berichte März/ä b 文.txt'
ln -s 'ä b 文.txt' 'Berichte März/link'
printf '#!/bin/sh\\necho it runs\\n' > run && chmod +x run
"""
CHECK_ALL = """
ls /in/many | wc -l
cat /in/many/9999
test -f /in/empty && ! test -s /in/empty && echo empty
cat '/in/Märzberichte/link'
./run
test -w . && echo mine
"""


def test_directories_small_files_empty_ones_and_any_name_come_whole(pods: PodHouse) -> None:
    outputs = tuple(
        ArtifactOutput(name, path)
        for name, path in (
            *(("many", "many"), ("empty", "/out/empty"), ("reports", "Berichte März"), ("run", "run")),
        )
    )
    made = succeeded(pods, call("a", MAKE_ALL, artifact_outputs=outputs)).outputs.artifacts
    inputs = (
        *(given("/in/many", made["many"]), given("/in/empty", made["empty"])),
        *(given("/in/Märzberichte", made["reports"]), given("run", made["run"])),
    )
    seen = succeeded(pods, call("b", CHECK_ALL, input_files=inputs))
    assert seen.log_tail == "10001\n9999\nempty\ninhalt\nit runs\nmine\n"


def test_an_output_that_is_missing_matters_unless_it_is_optional(pods: PodHouse) -> None:
    maybe = ArtifactOutput("maybe", "/out/none", optional=True)
    assert succeeded(pods, call("a", "true", artifact_outputs=(maybe,))).outputs.artifacts == {}
    needed = (ArtifactOutput("model", "/out/model.bin"), ArtifactOutput("log", "log.txt"))
    observation = run(
        pods.open(), call("b", "touch /out/modell.bin; echo x >log.txt", artifact_outputs=needed)
    )
    assert failure(observation) == (FAILURE, "OutputMissing")
    assert observation.message == (
        "Output 'model' is missing: nothing stands at '/out/model.bin'. Did you mean 'modell.bin'?"
    )
    assert list(observation.outputs.artifacts) == ["log"]


def test_a_value_of_16_mib_passes_from_pod_to_pod(pods: PodHouse) -> None:
    make = f"head -c {16 * MIB - 1} /dev/zero | tr '\\0' x > v; printf y >> v"
    value = succeeded(pods, call("a", make, parameter_outputs=(ParameterOutput("v", "v"),))).outputs
    text = str(value.parameters["v"])
    assert (len(text), text[-2:]) == (16 * MIB, "xy")
    count = call("b", "wc -c < /in/v; tail -c 2 /in/v", input_texts=(InputText("/in/v", text),))
    assert succeeded(pods, count).log_tail == f"{16 * MIB}\nxy"


def test_what_a_step_made_here_and_in_a_pod_is_the_same_artifact(pods: PodHouse, tmp_path: Path) -> None:
    """By digest: neither the user of the pod, nor its umask and clock, have a part in it."""
    from reconciler.artifacts.directory import DirectoryStore
    from reconciler.executors.local.executor import LocalExecutor
    from reconciler.executors.local.options import Options
    from tests.executors.contract import parse

    make = "umask 027; mkdir -p d/e; echo 1 > d/e/f; chmod 750 d/e/f; ln -s f d/e/g; echo 2 > one"
    outputs = (
        ArtifactOutput("d", "d"),
        ArtifactOutput("f", "d", archive="files"),
        ArtifactOutput("one", "one"),
    )
    what = call("a", make, artifact_outputs=outputs)
    local = LocalExecutor(
        tmp_path / "attempts", DirectoryStore(tmp_path / "store"), parse, Options(isolation="none")
    )
    here = run(local, what).outputs.artifacts
    local.close()
    assert dict(succeeded(pods, what).outputs.artifacts) == dict(here)


ATTACKS = {
    "x": "ln -s /reconciler/s3/secret-key x",
    "environ": "ln -s /proc/self/environ environ",
    "climb": "ln -s ../../reconciler/s3/secret-key climb",
    "circle": "ln -s circle circle",
    "hard": "echo x > first; ln first hard",
    "fifo": "mkfifo fifo",
    "endless": "ln -s /dev/zero endless",
    "keys": "ln -s /reconciler/s3 keys",
    "within": "mkdir within; ln -s /reconciler/s3 within/keys",
    "piped": "mkdir piped; mkfifo piped/fifo",
    "linked": "mkdir linked; echo x > linked/a; ln linked/a linked/b",
}


def test_whatever_user_code_leaves_the_agent_does_not_follow_it(pods: PodHouse, minio: Server) -> None:
    outputs = tuple(ArtifactOutput(name, name) for name in ATTACKS)
    values = (ParameterOutput("v", "environ"),)
    what = call("a", "; ".join(ATTACKS.values()), artifact_outputs=outputs, parameter_outputs=values)
    observation = run(pods.open(), what)
    assert failure(observation) == (FAILURE, "OutputRefused")
    for name in ATTACKS:
        assert f"Output '{name}'" in observation.message, name
    assert (observation.outputs.artifacts, observation.outputs.parameters) == ({}, {})
    for key in pods.store.keys(what.prefix.rstrip("/")):
        with pods.store.open(key) as stream:
            assert minio.access.secret_key.encode() not in stream.read()


def test_a_step_cannot_make_a_device(pods: PodHouse) -> None:
    """By default; where an operator lets steps be root, an agent meets one and refuses it."""
    output = ArtifactOutput("zero", "zero", optional=True)
    seen = succeeded(pods, call("a", "mknod zero c 1 5 || ls", artifact_outputs=(output,)))
    assert seen.log_tail == "mknod: zero: Operation not permitted\n"
    assert seen.outputs.artifacts == {}


def test_a_directory_replaced_by_a_link_is_not_entered(pods: PodHouse) -> None:
    """The step cannot replace the mount of an output, but all that is below."""
    steal = "rmdir /out/d; rm -rf /out 2>/dev/null; mkdir -p /out; ln -s /reconciler/s3 /out/d"
    outputs = (ArtifactOutput("key", "/out/d/secret-key"), ArtifactOutput("all", "/out/d"))
    observation = run(pods.open(), call("a", steal, artifact_outputs=outputs))
    assert failure(observation) == (FAILURE, "OutputRefused")
    assert observation.outputs.artifacts == {}


LOOK = """
ls /reconciler; ls /io /reconciler/s3 /var/run/secrets 2>/dev/null
env | grep -i -e RECONCILER_STORE -e RECONCILER_JOB -e KEY
cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c RECONCILER_JOB
cat /proc/[0-9]*/comm | grep -c python
id -u
"""


def test_a_step_sees_neither_keys_nor_token_nor_agent(pods: PodHouse) -> None:
    what = call("a", LOOK, artifact_outputs=(ArtifactOutput("x", "x", optional=True),))
    assert succeeded(pods, what).log_tail == "home\nwork\n0\n0\n10001\n"


def test_an_input_cannot_be_changed_and_a_forged_one_is_refused(pods: PodHouse) -> None:
    from io import BytesIO

    from tests.agent.forged import FORGED

    found = pods.store.put("given/fine", BytesIO(b"fine"))
    fine = Artifact("fine", found.key, found.size, found.sha256)
    look = "echo x > /in/fine; cat /in/fine"
    seen = succeeded(pods, call("a", look + "; true", input_files=(given("/in/fine", fine),)))
    assert "fine" in seen.log_tail
    assert "Read-only file system" in seen.log_tail
    bad = run(pods.open(), call("b", "true", input_files=(given("x", replace(fine, sha256="0" * 64)),)))
    assert failure(bad) == (FAILURE, "InputCorrupt")
    gone = run(pods.open(), call("c", "true", input_files=(given("x", replace(fine, key="given/gone")),)))
    assert failure(gone) == (FAILURE, "InputMissing")
    for number, attack in enumerate(("a name that climbs", "a link that leaves", "a hard link", "a device")):
        stored_as = pods.store.put(f"given/{number}", BytesIO(FORGED[attack]))
        forged = Artifact("forged", stored_as.key, stored_as.size, stored_as.sha256, "tar")
        seen = run(pods.open(), call(f"d{number}", "true", input_files=(given("d", forged),)))
        assert failure(seen) == (FAILURE, "InputCorrupt"), attack


def test_without_its_keys_no_pod_starts_and_the_cause_is_told(pods: PodHouse, cluster: Cluster) -> None:
    namespace = pods.options.namespace
    cluster.kubectl("delete", "secret", SECRET, "--namespace", namespace)
    what = call("a", "true", artifact_outputs=(ArtifactOutput("x", "x", optional=True),))
    observation = run(pods.open(start_patience=5.0), what)
    assert observation.failure in (FailureClass.INFRASTRUCTURE, FailureClass.FAILURE)
    assert SECRET in observation.message


@pytest.mark.slow
@pytest.mark.parametrize("pods", ["sidecar"], indirect=True)
def test_5_gib_pass_through_agents_of_256_mib(pods: PodHouse) -> None:
    """With the page cache counted in, as a memory cgroup does; the limit kills whoever passes it."""
    make = f"truncate -s {5 * GIB - 6} large; echo -n finish >> large"
    artifact = succeeded(
        pods, call("a", make, artifact_outputs=(ArtifactOutput("large", "large"),))
    ).outputs.artifacts["large"]
    assert artifact.size == 5 * GIB
    check = "stat -c %s /in/large; tail -c 6 /in/large"
    seen = succeeded(pods, call("b", check, input_files=(given("/in/large", artifact),)))
    assert seen.log_tail == f"{5 * GIB}\nfinish"
