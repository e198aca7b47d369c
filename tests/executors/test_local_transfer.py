"""Moving bytes: stores that do not answer, large logs, disks that are full, passes killed amid a harvest."""

from __future__ import annotations

import errno
import hashlib
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from reconciler.artifacts.base import Stored
from reconciler.artifacts.directory import DirectoryStore
from reconciler.errors import ExecutorUnavailable, LaunchRejected, StoreUnavailable
from reconciler.executors.local.place import Place
from reconciler.executors.log import tail
from reconciler.model.run import InputFile, InputText, Status
from reconciler.model.workflow import ArtifactOutput, Manifest, ParameterOutput
from tests.executors.conftest import LocalHouse
from tests.executors.contract import (
    FAILURE,
    INFRASTRUCTURE,
    a_run,
    an_artifact,
    call,
    failure,
    run,
    seen,
    stored,
)


class Failing(DirectoryStore):
    """A real store that does not answer the first so many calls of a kind."""

    def __init__(self, root: Path, *, reads: int = 0, writes: int = 0) -> None:
        super().__init__(root)
        self.reads, self.writes = reads, writes

    def get_file(self, key: str, path: Path, *, size: int, sha256: str) -> None:
        self.reads = self._count(self.reads)
        super().get_file(key, path, size=size, sha256=sha256)

    def put(self, key: str, source: BinaryIO, *, content_type: str = "application/octet-stream") -> Stored:
        self.writes = self._count(self.writes)
        return super().put(key, source, content_type=content_type)

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> Stored:
        self.writes = self._count(self.writes)
        return super().put_file(key, path, content_type=content_type)

    def _count(self, left: int) -> int:
        if left:
            raise StoreUnavailableNow(left)
        return 0


class StoreUnavailableNow(StoreUnavailable):
    """Counts down by being raised."""

    def __init__(self, left: int) -> None:
        super().__init__(f"no answer ({left} more)")


class Recovering(Failing):
    """Answers after so many refusals."""

    def _count(self, left: int) -> int:
        if left:
            self.reads, self.writes = max(0, self.reads - 1), max(0, self.writes - 1)
            raise StoreUnavailableNow(left)
        return 0


def test_a_store_that_answers_late_costs_nothing_but_time(house: LocalHouse) -> None:
    data = an_artifact(house.store, "data", b"rows")
    house.store = Recovering(house.store.root, reads=1, writes=1)  # type: ignore[attr-defined]
    asked = call(
        "a",
        "cat x; cp x y",
        input_files=(InputFile("x", data),),
        artifact_outputs=(ArtifactOutput("y", "y"),),
    )
    observation = run(house.open(), asked)
    assert failure(observation) == (None, "")
    assert stored(house.store, observation.outputs.artifacts["y"]) == b"rows"


def test_a_store_that_never_answers_is_no_failure_of_the_step(house: LocalHouse) -> None:
    data = an_artifact(house.store, "data", b"rows")
    root = house.store.root  # type: ignore[attr-defined]
    house.store = Failing(root, reads=1)
    asked = call("a", "cat x", input_files=(InputFile("x", data),))
    assert failure(run(house.open(patience=0.1), asked)) == (INFRASTRUCTURE, "StoreUnavailable")
    house.store = Failing(root, writes=1)
    asked = call("b", "echo hi")
    observation = run(house.open(patience=0.1), asked)
    assert failure(observation) == (INFRASTRUCTURE, "StoreUnavailable")
    assert observation.exit_code == 0


def test_a_harvest_that_was_cut_off_is_made_again_and_gives_the_same(house: LocalHouse) -> None:
    outputs = (ArtifactOutput("d", "d"), ArtifactOutput("f", "d/x"))
    asked = call("a", "mkdir d; echo 1 >d/x; echo 2 >n; echo log", artifact_outputs=outputs)
    first = run(house.open(), asked)
    (Place(house.root, asked.key).path / "result.json").unlink()
    assert seen(house.open(), asked.key) == first


def test_a_result_is_never_read_half(house: LocalHouse) -> None:
    asked = call("a", "echo 1 >n", parameter_outputs=(ParameterOutput("n", "n"),))
    there = Place(house.root, asked.key)
    observation = run(house.open(), asked)
    assert [path.name for path in there.path.iterdir() if path.name.startswith(".")] == []
    assert house.open().observe({asked.key})[asked.key] == observation


def test_a_value_that_is_too_large_is_refused_without_reading_it_all(house: LocalHouse) -> None:
    asked = call("a", "truncate -s 5G big", parameter_outputs=(ParameterOutput("n", "big"),))
    observation = run(house.open(parameter_bytes=1000), asked)
    assert failure(observation) == (FAILURE, "OutputRefused")
    assert "larger than 1000 bytes" in observation.message
    assert observation.outputs.parameters == {}


def test_both_streams_are_one_log_in_the_order_of_writing(house: LocalHouse) -> None:
    asked = call("a", "echo 1; echo 2 >&2; echo 3; echo 4 >/dev/stderr; echo 5 >/dev/stdout; echo 6")
    observation = run(house.open(), asked)
    assert observation.log_tail == "1\n2\n3\n4\n5\n6\n"


BIG_LOG = """
import resource, sys
from pathlib import Path
from reconciler.artifacts.directory import DirectoryStore
from reconciler.executors.local.executor import LocalExecutor
from reconciler.executors.local.options import Options
from reconciler.model.run import AttemptKey, Status, StepCall
root, isolation = Path(sys.argv[1]), sys.argv[2]
options = Options(isolation=isolation)
executor = LocalExecutor(root / "attempts", DirectoryStore(root / "store"), None, options)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
script = "i=0; while [ $i -lt 50 ]; do head -c 1000000 /dev/zero | tr '\\\\0' x; echo; i=$((i+1)); done"
key = AttemptKey("r", "a", 1)
executor.launch(StepCall(key, "runs/", command=("sh", "-c", script)))
while (seen := executor.observe({key})[key]).status is not Status.ENDED:
    executor.wait(10)
print(seen.log.size, seen.log.sha256, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
executor.release("r")
"""


def test_50_mb_of_output_are_captured_in_little_memory(house: LocalHouse, tmp_path: Path) -> None:
    words = [sys.executable, "-c", BIG_LOG, str(tmp_path / "big"), house.options.isolation]
    size, sha256, megabytes = subprocess.run(words, capture_output=True, check=True, text=True).stdout.split()
    expected = hashlib.sha256((b"x" * 1_000_000 + b"\n") * 50)
    assert (int(size), sha256) == (50_000_050, expected.hexdigest())
    assert int(megabytes) < 32


def test_the_tail_is_made_of_whole_lines_and_bounded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log, 100, 3) == ""
    log.write_bytes(b"1\n2\n3\n4")
    assert tail(log, 100, 3) == "2\n3\n4"
    log.write_bytes(b"x" * 100 + b"\nlast\n")
    assert tail(log, 20, 3) == "last\n"
    log.write_bytes(b"x" * 100)
    assert tail(log, 20, 3) == "x" * 20
    log.write_bytes("ä".encode() * 10 + b"\x1b[31m")
    assert tail(log, 6, 3) == "�\x1b[31m"[-6:]


@contextmanager
def tiny_disk(at: Path, size: str = "64k") -> Iterator[Path]:
    at.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def test_a_full_disk_is_no_failure_of_the_step_and_passes(house: LocalHouse, tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        house.root = disk / "attempts"
        executor = house.open()
        filler = disk / "filler"
        with suppress(OSError):
            filler.write_bytes(bytes(100_000))
        with pytest.raises(ExecutorUnavailable, match="No space left"):
            executor.launch(call("a", "echo ran"))
        with pytest.raises(ExecutorUnavailable, match="No space left"):
            executor.anchor(a_run())
        filler.unlink()
        assert run(executor, call("a", "echo ran")).log_tail == "ran\n"


def test_a_directory_that_cannot_be_written_is_said_so(
    make_house: Callable[..., LocalHouse], tmp_path: Path
) -> None:
    house = make_house("none")
    house.root = tmp_path / "file"
    house.root.touch()
    with pytest.raises(ExecutorUnavailable, match="Not a directory"):
        house.open().launch(call("a", "true"))
    house.root = tmp_path / "attempts"


def test_without_room_for_another_process_the_launch_is_put_off(
    make_house: Callable[..., LocalHouse],
) -> None:
    executor = make_house("none").open()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    try:
        with pytest.raises(ExecutorUnavailable):
            executor.launch(call("a", "true"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert run(executor, call("a", "echo ran")).log_tail == "ran\n"


def test_an_anchor_that_cannot_be_read_does_not_hide_the_others(
    make_house: Callable[..., LocalHouse], caplog: pytest.LogCaptureFixture
) -> None:
    house = make_house("none")
    executor = house.open()
    executor.anchor(a_run())
    for number, text in enumerate(["", "{", "[]", '{"id": 1}']):
        (house.root / f"bad-{number}").mkdir()
        (house.root / f"bad-{number}/run.json").write_text(text)
    assert [found.id for found in executor.survey()] == ["demo-1-cafe"]
    assert len(caplog.messages) == 4


def test_an_object_of_a_cluster_cannot_be_a_local_step(house: LocalHouse) -> None:
    manifest = Manifest({"apiVersion": "batch/v1", "kind": "Job"}, "object.status.succeeded == 1")
    executor = house.open()

    with pytest.raises(LaunchRejected, match=r"it needs executor\.name: kubernetes"):
        executor.launch(call("a", manifest=manifest))
    assert executor.observe({call("a").key})[call("a").key].status is Status.MISSING


def test_a_step_without_command_or_script_needs_its_image(house: LocalHouse) -> None:
    executor = house.open()
    with pytest.raises(
        LaunchRejected, match=r"only the image 'busybox', and executor\.images is none; set exec"
    ):
        executor.launch(call("a", image="busybox"))
    assert executor.observe({call("a").key})[call("a").key].status is Status.MISSING


def test_a_command_that_ran_without_its_image_says_so(house: LocalHouse) -> None:
    observation = run(house.open(), call("a", "true", image="busybox"))
    assert failure(observation) == (None, "")
    assert observation.message == "ran on the host, not in 'busybox'"
    observation = run(house.open(), call("b", "exit 3", image="busybox"))
    assert observation.message == "exit code 3; ran on the host, not in 'busybox'"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"env": {"A": "x\0--bind\0/\0/host"}}, "variable A holds a NUL"),
        ({"env": {"-u": "x"}}, "cannot name an environment variable"),
        ({"env": {"A=B": "x"}}, "cannot name an environment variable"),
        ({"command": ("true", "\0")}, "the command holds a NUL"),
        ({"command": ("true",), "args": ("\ud800",)}, "an argument holds half of a surrogate pair"),
        ({"script": "\udfff"}, "the content of a file holds half"),
        ({"working_dir": "a\0b"}, "a path holds a NUL"),
    ],
)
def test_what_no_process_can_be_given_is_refused(
    house: LocalHouse, more: dict[str, object], why: str
) -> None:
    with pytest.raises(LaunchRejected, match=why):
        house.open().launch(call("a", **{"command": ("true",), **more}))


def test_paths_that_do_not_fit_together_are_the_step_s_failure(house: LocalHouse) -> None:
    texts = (InputText("a", "1"), InputText("a/b", "2"))
    observation = run(house.open(), call("a", "true", input_texts=texts))
    assert failure(observation) == (FAILURE, "LaunchRejected")
    assert "do not fit together" in observation.message
    texts = (InputText("a", "1"), InputText("a", "2"), InputText("x" * 300, "3"))
    asked = call("b", "true", input_texts=texts)
    assert failure(run(house.open(), asked)) == (FAILURE, "LaunchRejected")


def test_a_disk_that_is_full_amid_preparations_puts_the_step_off(house: LocalHouse, tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "400k") as disk:
        house.root = disk / "attempts"
        executor = house.open()
        asked = call("a", "cat x | wc -c", input_texts=(InputText("x", "x" * 160_000),))
        filler = disk / "filler"
        filler.write_bytes(
            bytes(100_000)
        )  # room for the call, which holds the text too, but not for the file
        executor.launch(asked)
        executor.wait(60)
        assert executor.observe({asked.key})[asked.key].status is Status.MISSING
        with pytest.raises(ExecutorUnavailable, match="cannot prepare"):
            executor.launch(asked)
        filler.unlink()
        assert run(executor, asked).log_tail.strip() == "160000"


def test_a_disk_that_is_full_at_the_end_puts_the_harvest_off(
    house: LocalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Place.conclude
    refused: list[str] = []

    def full_at_first(place: Place, result: object) -> None:
        if not refused:
            refused.append(place.name)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(place, result)

    monkeypatch.setattr(Place, "conclude", full_at_first)
    monkeypatch.setattr("reconciler.executors.local.attempts.TRY_AGAIN", 0.1)
    observation = run(house.open(), call("a", "echo hi"))
    assert (failure(observation), observation.log_tail) == ((None, ""), "hi\n")
    assert refused
