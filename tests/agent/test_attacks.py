"""What user code and forged artifacts try against an agent, which holds the store's keys: all in vain.

Outputs: the volume is shared, so anything may stand there, and may change while the agent looks. Inputs: an
artifact is what some step made of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reconciler.executors.kubernetes.errand import Harvest
from reconciler.model.run import Artifact, InputFile
from reconciler.model.workflow import ArtifactOutput, FailureClass, ParameterOutput
from tests.agent.forged import FORGED, forged
from tests.agent.pod import PREFIX, Pod, an_errand, tree

KEY = "the key of the store"


@pytest.fixture
def pod(pod: Pod) -> Pod:
    """With keys mounted where the agent can read them, and an output that was begun."""
    (pod.root / "keys" / "secret-key").write_text(KEY)
    (pod.io / "work" / "out").mkdir(parents=True)
    (pod.io / "work" / "out" / "first").write_text("stored before the attack is met")
    return pod


Attack = Callable[[Path, Path], None]
"""Given what the step sees as its working directory, and the directory with the keys."""

OUTSIDE = "leads through a symlink to"

ON_A_FILE: dict[str, tuple[Attack, str]] = {
    "a link to the keys": (lambda work, keys: (work / "x").symlink_to(keys / "secret-key"), OUTSIDE),
    "a link to the agent's variables": (
        lambda work, keys: (work / "x").symlink_to("/proc/self/environ"),
        OUTSIDE,
    ),
    "a link that climbs": (
        lambda work, keys: (work / "x").symlink_to("../../keys/secret-key"),
        "outside of the working directory",
    ),
    "links that lead in a circle": (lambda work, keys: (work / "x").symlink_to("x"), "more than 40 symlinks"),
    "a hard link": (lambda work, keys: (work / "x").hardlink_to(keys / "secret-key"), "is a hard link"),
    "a FIFO that nobody writes to": (lambda work, keys: os.mkfifo(work / "x"), "is a FIFO"),
    "a socket": (lambda work, keys: listening(work / "x"), "is a socket"),
    "a device": (lambda work, keys: device(work / "x"), "is a character device"),
}


def listening(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(os.path.relpath(path))


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o20666, os.makedev(1, 5))  # as /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root may make devices")


def refusal(pod: Pod, *outputs: ArtifactOutput | ParameterOutput) -> str:
    """The message of an agent that stored nothing and told why."""
    artifacts = tuple(output for output in outputs if isinstance(output, ArtifactOutput))
    parameters = tuple(output for output in outputs if isinstance(output, ParameterOutput))
    ended = pod.put(an_errand(artifact_outputs=artifacts, parameter_outputs=parameters))
    found = pod.manifest()
    assert found is not None
    assert found == Harvest(failure=FailureClass.FAILURE, reason="OutputRefused", message=found.message)
    assert (ended.code, KEY in ended.said) == (0, False)
    assert list(pod.store.keys("")) == [f"{PREFIX}manifest.json"]
    return found.message


@pytest.mark.parametrize("attack", ON_A_FILE)
@pytest.mark.parametrize("kind", ["artifact", "parameter"])
def test_what_stands_in_the_place_of_a_file_is_refused(pod: Pod, attack: str, kind: str) -> None:
    act, why = ON_A_FILE[attack]
    act(pod.io / "work", pod.root / "keys")
    output = ArtifactOutput("o", "x") if kind == "artifact" else ParameterOutput("o", "x")
    assert why in refusal(pod, output)


@pytest.mark.parametrize("archive", ["tar", "files"])
@pytest.mark.parametrize("attack", sorted(set(ON_A_FILE) - {"links that lead in a circle"}))
def test_what_stands_in_a_directory_makes_it_refused(pod: Pod, attack: str, archive: str) -> None:
    act, _ = ON_A_FILE[attack]
    act(pod.io / "work" / "out", pod.root / "keys")
    message = refusal(pod, ArtifactOutput("o", "out", archive=archive))
    assert message.startswith("Output 'o' (out): 'x' is a")


@pytest.mark.parametrize("target", ["/proc/self", "/reconciler/s3", "keys"])
def test_a_directory_replaced_by_a_link_is_not_entered(pod: Pod, target: str) -> None:
    place = pod.io / "work" / "out"
    (place / "first").unlink()
    place.rmdir()
    place.symlink_to(pod.root / "keys" if target == "keys" else target)
    assert OUTSIDE in refusal(pod, ArtifactOutput("o", "out"))
    assert OUTSIDE in refusal(pod, ArtifactOutput("o", "out/environ"))


@pytest.mark.parametrize("target", ["../keys", "/proc/self"])
def test_a_mount_itself_replaced_by_a_link_is_not_entered(pod: Pod, target: str) -> None:
    """No step can do that to its own mount; should the volume be shared in another way, it is in vain too."""
    (pod.io / "out").mkdir()
    (pod.io / "out" / "1").symlink_to(pod.root / "keys" if target == "../keys" else target)
    assert "something else stands there" in refusal(pod, ArtifactOutput("o", "/out/secret-key"))
    assert "something else stands there" in refusal(pod, ParameterOutput("o", "/out/environ"))


def test_a_device_that_never_ends_is_not_read_as_a_value(pod: Pod) -> None:
    device(pod.io / "work" / "x")
    assert "is a character device" in refusal(pod, ParameterOutput("o", "x"))


def test_names_that_would_forge_a_line_stay_within_their_quotes(pod: Pod) -> None:
    (pod.io / "work" / "out" / 'a\n{"outputs":{}}\x1b[2J').symlink_to("/etc/passwd")
    assert "\n" not in refusal(pod, ArtifactOutput("o", "out"))


def test_names_of_any_bytes_come_back_as_they_were(pod: Pod, tmp_path: Path) -> None:
    names = {"a\nb", "ü", "\u202e", " ", "-rf", "%2e", "\\", os.fsdecode(b"\xff\xfe")}
    for name in names:
        (pod.io / "work" / "out" / name).write_text("x")
    outputs = (ArtifactOutput("t", "out"), ArtifactOutput("f", "out", archive="files"))
    assert pod.put(an_errand(artifact_outputs=outputs)).code == 0
    found = pod.outputs().artifacts
    errand = an_errand(input_files=(InputFile("/in/data", found["t"]), InputFile("again", found["f"])))
    assert pod.fetch(errand).code == 0
    for directory in ("in/2", "work/again"):
        assert {path.name for path in (pod.io / directory).iterdir()} == {*names, "first"}


RACER = """
import os, sys
work, target = sys.argv[1:]
os.chdir(work)
while True:
    for name in ("x", "out"):
        try:
            os.symlink(target, "swap")
            os.rename(name, "kept")
            os.rename("swap", name)
            os.unlink(name)
            os.rename("kept", name)
        except OSError:
            pass
"""


@contextmanager
def still_running(work: Path, target: Path) -> Iterator[subprocess.Popen[bytes]]:
    """User code beside the agent, which swaps what is collected for a link to the keys, and back."""
    racer = subprocess.Popen([sys.executable, "-c", RACER, str(work), str(target)])
    try:
        yield racer
    finally:
        racer.kill()
        racer.wait()


@pytest.mark.parametrize("target", ["secret-key", "."])
def test_code_that_still_runs_cannot_swap_a_link_in(pod: Pod, target: str) -> None:
    """Whatever the agent sees, it stores what was there or refuses; the keys are never in the store."""
    (pod.io / "work" / "x").write_text("honest")
    for number in range(20):
        (pod.io / "work" / "out" / str(number)).write_text("honest")
    outputs = (
        ArtifactOutput("x", "x"),
        ArtifactOutput("o", "out"),
        ArtifactOutput("f", "out", archive="files"),
    )
    with still_running(pod.io / "work", pod.root / "keys" / target):
        for _ in range(4):
            assert pod.put(an_errand(artifact_outputs=outputs)).code == 0
            stored = b"".join(pod.read(key) for key in pod.store.keys(""))
            assert KEY.encode() not in stored


# the other direction: what a forged artifact would make of the volume


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_directory_is_corrupt_and_leaves_nothing(pod: Pod, attack: str) -> None:
    stored = pod.store.put("runs/forged", io.BytesIO(FORGED[attack]))
    artifact = Artifact("x", stored.key, stored.size, stored.sha256, "tar")
    before = tree(pod.root / "keys")
    ended = pod.fetch(an_errand(input_files=(InputFile("in", artifact),)))
    assert ended.complaint is not None
    assert (ended.code, ended.complaint.reason) == (1, "InputCorrupt")
    assert (tree(pod.io / "work"), tree(pod.root / "keys")) == ({}, before)


@pytest.mark.parametrize("path", ["../planted", "/planted", "a/../../planted", ""])
def test_a_forged_listing_is_corrupt_and_leaves_nothing(pod: Pod, path: str) -> None:
    line = {"kind": "file", "path": path, "size": 1, "executable": False}
    line["sha256"] = hashlib.sha256(b"x").hexdigest()
    pod.store.put("runs/forged/planted", io.BytesIO(b"x"))
    listing = pod.store.put("runs/forged/.listing.jsonl", io.BytesIO(json.dumps(line).encode() + b"\n"))
    artifact = Artifact("x", "runs/forged", 1, listing.sha256, "files")
    ended = pod.fetch(an_errand(input_files=(InputFile("in", artifact),)))
    assert ended.complaint is not None
    assert (ended.code, ended.complaint.reason) == (1, "InputCorrupt")
    assert tree(pod.io / "work") == {}


def test_an_input_is_not_written_through_a_link_of_an_earlier_input(pod: Pod) -> None:
    """An artifact may hold links that stay inside; where it lies, inside may be elsewhere."""
    linked = pod.store.put("runs/l", io.BytesIO(forged(("x/y", tarfile.SYMTYPE, "../../home"))))
    errand = an_errand(
        input_files=(InputFile("in", Artifact("l", linked.key, linked.size, linked.sha256, "tar")),)
    )
    ended = pod.fetch(errand)
    assert ended.complaint is not None
    assert (ended.code, ended.complaint.reason) == (1, "InputCorrupt")
