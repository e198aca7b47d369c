"""Before a step starts: what it needs lies where it looks, whole and readable, or the pass learns why not."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.artifacts.packing import store_bundle
from reconciler.executors.kubernetes.agent import FETCH
from reconciler.executors.kubernetes.errand import Errand, Harvest, Mount
from reconciler.model.run import Artifact, InputFile, InputText
from reconciler.model.workflow import FailureClass
from tests.agent.pod import MOUNTS, Pod, an_errand, is_ready, tree


def some_directory(above: Path) -> Path:
    directory = above / "some"
    (directory / "deep" / "empty").mkdir(parents=True)
    (directory / "deep" / "ünï cödé 文").write_text("x")
    (directory / "a\nnewline").write_text("y")
    (directory / "run").write_text("#!/bin/sh")
    (directory / "run").chmod(0o755)
    (directory / "link").symlink_to("deep/ünï cödé 文")
    return directory


def test_everything_lies_where_the_step_looks(pod: Pod, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2\n")
    bundle = store_bundle(pod.store, [("scripts/run.sh", True, b"echo"), ("data/a b.txt", False, b"c")])
    errand = an_errand(
        bundle=bundle,
        input_files=(
            InputFile("/in/data", pod.given(tmp_path / "data.csv")),
            InputFile("some/where", pod.given(some_directory(tmp_path), "tar")),
            InputFile("files", pod.given(tmp_path / "some", "files", archive="files")),
        ),
        input_texts=(InputText("/out/value.txt", "päth"), InputText("empty", "")),
    )
    assert pod.fetch(errand).code == 0
    some = tree(tmp_path / "some")
    assert tree(pod.io) == {
        "home": "/",
        "in": "/",
        "in/2": "1,2\n",
        "out": "/",
        "out/1": "/",
        "out/1/value.txt": "päth",
        "work": "/",
        "work/data": "/",
        "work/data/a b.txt": "c",
        "work/empty": "",
        "work/files": "/",
        **{f"work/files/{name}": content for name, content in some.items()},
        "work/scripts": "/",
        "work/scripts/run.sh": "echo",
        "work/some": "/",
        "work/some/where": "/",
        **{f"work/some/where/{name}": content for name, content in some.items()},
    }
    assert os.access(pod.io / "work/scripts/run.sh", os.X_OK)
    assert os.access(pod.io / "work/some/where/run", os.X_OK)


def test_a_step_of_another_user_shares_the_group_of_the_volume(pod: Pod, tmp_path: Path) -> None:
    """As fsGroup has it: what is made below the volume belongs to its group, which may read and write."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files to another group")
    os.chown(pod.io, 0, 4321)
    pod.io.chmod(0o2775)
    errand = an_errand(
        input_files=(InputFile("some", pod.given(some_directory(tmp_path))),),
        input_texts=(InputText("deep/er/text", "x"),),
    )
    assert pod.fetch(errand).code == 0
    found = {p.relative_to(pod.io).as_posix(): p.stat() for p in pod.io.rglob("*") if not p.is_symlink()}
    assert {path: status.st_gid for path, status in found.items() if status.st_gid != 4321} == {}
    modes = {path: oct(status.st_mode & 0o777) for path, status in found.items()}
    assert modes["work/deep/er/text"] == "0o664"
    assert modes["work/some/run"] == "0o775"
    assert {modes[path] for path in ("work", "work/some/deep", "work/deep/er", "out/1")} == {"0o775"}


def test_a_large_script_comes_with_the_agent(pod: Pod) -> None:
    mounts = (*MOUNTS, Mount("/reconciler/script", "script/script", writable=False))
    script = "#!/bin/sh\n: 'ü'\r\n" + "#" * 200_000
    assert pod.fetch_large(an_errand(mounts=mounts, script=script)).code == 0
    written = pod.io / "script" / "script"
    assert (written.read_bytes(), written.stat().st_mode & 0o777) == (script.encode(), 0o555)


def test_a_job_that_is_too_large_for_a_variable_lies_in_the_store(pod: Pod) -> None:
    errand = an_errand(input_texts=(InputText("value", "x" * (16 << 20)),))
    assert pod.fetch_large(errand).code == 0
    assert (pod.io / "work" / "value").stat().st_size == 16 << 20


def test_a_fetch_that_was_killed_can_be_made_again(pod: Pod, tmp_path: Path) -> None:
    errand = an_errand(input_files=(InputFile("some", pod.given(some_directory(tmp_path))),))
    assert pod.fetch(errand).code == 0
    (pod.io / "work" / "half").write_text("of an earlier try")
    assert pod.fetch(errand).code == 0
    assert tree(pod.io / "work") == {
        "some": "/",
        **{f"some/{name}": content for name, content in tree(tmp_path / "some").items()},
    }


def test_sigterm_ends_a_fetch_at_once(pod_on_s3: Pod, server: object) -> None:
    server.freeze()  # type: ignore[attr-defined]
    errand = an_errand(input_files=(InputFile("x", Artifact("x", "runs/x", 1, "0" * 64)),))
    agent = pod_on_s3.start(FETCH, errand=errand)
    while not is_ready(agent):
        assert agent.poll() is None
    agent.send_signal(signal.SIGTERM)
    assert pod_on_s3.end(agent).code == 143


def complaint(pod: Pod, errand: Errand) -> Harvest:
    ended = pod.fetch(errand)
    assert ended.code == 1
    assert ended.complaint is not None
    return ended.complaint


def test_an_input_that_is_not_stored_is_missing(pod: Pod) -> None:
    errand = an_errand(input_files=(InputFile("x", Artifact("x", "runs/gone", 1, "0" * 64)),))
    assert complaint(pod, errand) == Harvest(
        failure=FailureClass.FAILURE,
        reason="InputMissing",
        message=f"Nothing is stored at {pod.root.parent}/store/runs/gone.",
    )


@pytest.mark.parametrize("archive", ["file", "tar", "files"])
def test_an_input_that_was_changed_is_corrupt_and_not_put(pod: Pod, tmp_path: Path, archive: str) -> None:
    some = some_directory(tmp_path)
    artifact = pod.given(some / "run") if archive == "file" else pod.given(some, archive=archive)
    found = complaint(pod, an_errand(input_files=(InputFile("x", replace(artifact, sha256="0" * 64)),)))
    assert (found.failure, found.reason) == (FailureClass.FAILURE, "InputCorrupt")
    assert f"but {'0' * 64} was recorded" in found.message
    assert tree(pod.io / "work") == {}


def test_a_store_that_stays_away_is_no_failure_of_the_step(pod: Pod) -> None:
    lost = replace(pod, url="s3://bucket", variables={"RECONCILER_PATIENCE": "0.1"}).with_variables(
        RECONCILER_STORE_ENDPOINT="127.0.0.1:9", RECONCILER_STORE_SECURE="false"
    )
    for name in ("access-key", "secret-key"):
        (pod.root / "keys" / name).write_text("x")
    found = complaint(lost, an_errand(input_files=(InputFile("x", Artifact("x", "runs/x", 1, "0" * 64)),)))
    assert (found.failure, found.reason) == (FailureClass.INFRASTRUCTURE, "StoreUnavailable")
    assert "the server does not answer" in found.message


def test_paths_that_do_not_fit_together_are_the_definitions_fault(pod: Pod) -> None:
    found = complaint(pod, an_errand(input_texts=(InputText("a", "x"), InputText("a/b", "y"))))
    assert (found.failure, found.reason) == (FailureClass.FAILURE, "LaunchRejected")
    found = complaint(pod, an_errand(input_texts=(InputText("/nowhere/x", "x"),)))
    assert found == Harvest(
        failure=FailureClass.FAILURE,
        reason="LaunchRejected",
        message="'/nowhere/x' lies in no directory that the step shares with its agent",
    )


def test_a_full_volume_is_named_so(pod: Pod, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (3 << 20))
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(pod.io)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    try:
        errand = an_errand(input_files=(InputFile("large", pod.given(tmp_path / "large")),))
        found = complaint(pod.with_variables(RECONCILER_PATIENCE="0.1"), errand)
    finally:
        subprocess.run(["umount", str(pod.io)], check=True)
    assert (found.failure, found.reason) == (FailureClass.INFRASTRUCTURE, "NoSpace")
    assert "give the pod more ephemeral storage" in found.message


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"RECONCILER_STORE_URL": ""}, "The agent was started without RECONCILER_STORE_URL."),
        ({"RECONCILER_JOB": ""}, "The agent was started without RECONCILER_JOB_KEY."),
        (
            {"RECONCILER_JOB": "{}"},
            "The errand is not one that this agent understands: Errand without call.",
        ),
    ],
)
def test_a_pod_that_was_made_wrong_says_what_is_missing(
    pod: Pod, variables: dict[str, str], message: str
) -> None:
    found = complaint(pod.with_variables(**variables), an_errand())
    assert found == Harvest(failure=FailureClass.INFRASTRUCTURE, reason="AgentFailed", message=message)


def test_keys_that_are_not_mounted_are_asked_for(pod: Pod) -> None:
    on_s3 = replace(pod, url="s3://bucket").with_variables(RECONCILER_STORE_ENDPOINT="127.0.0.1:9")
    assert complaint(on_s3, an_errand()).message == (
        f"The store's key at {pod.root}/keys/access-key cannot be read: No such file or directory. "
        "The Secret that the settings name for agents needs `access-key` and `secret-key`."
    )


def test_a_termination_message_is_never_too_long_for_the_kubelet(pod: Pod) -> None:
    name = "ü" * 120
    path = "/".join([name] * 30)
    errand = an_errand(input_files=(InputFile("x", Artifact("x", path, 1, "0" * 64)),))
    process = pod.start(FETCH, errand=errand)
    process.wait(timeout=60)
    assert len((pod.root / "termination-log").read_bytes()) <= 4096
    assert pod.end(process).code == 1
