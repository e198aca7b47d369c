"""Steps in their image, with a real podman; skipped where there is none that works.

The image is made here, of a static busybox: no registry is asked.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import LaunchRejected, SettingsError
from reconciler.executors.local.container import container_name
from reconciler.executors.local.executor import LocalExecutor
from reconciler.executors.local.place import Place
from reconciler.model.run import InputText, StepCall
from reconciler.model.workflow import ArtifactOutput, ParameterOutput
from tests.executors.conftest import LocalHouse
from tests.executors.contract import (
    CANCELLED,
    FAILURE,
    INFRASTRUCTURE,
    PATIENCE,
    ExecutorContract,
    call,
    failure,
    parse,
    run,
    said,
    seen,
    stored,
)

IMAGE = "localhost/reconciler-test:1"
APPLETS = "sh cat cp chmod echo env false head id ln ls mkdir mkfifo pwd rm sleep test touch tr true wc"

PODMAN_GIVES_UP = 15
"""Seconds; podman waits for 20 where the monitor of a container stays a zombie, and then goes on."""

# What podman needs as root in a machine whose hard limits are low, and with either kind of control groups.
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:2048", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def busybox_image() -> bytes:
    """A root file system of one program."""
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("no busybox to make an image of")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(program, "bin/busybox")
        for name in APPLETS.split():
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        notes = tarfile.TarInfo("app/of-the-image")
        tar.addfile(notes, io.BytesIO())
    return buffer.getvalue()


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which podman works and has the image."""
    if not os.environ.get("RECONCILER_TEST_PODMAN"):
        pytest.skip("containers are tried by `make images`, which needs podman, runc and busybox-static")
    home = tmp_path_factory.mktemp("podman")
    (home / "containers.conf").write_text(CONFIGURATION)
    (home / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{home}/graph"\nrunroot = "{home}/run"\n'
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CONTAINERS_CONF": str(home / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
    }
    entrypoint = 'ENTRYPOINT ["/bin/sh", "-c", "echo entrypoint of $0 $1"]'
    words = ["podman", "import", "--change", entrypoint, "--change", 'CMD ["nobody"]', "-", IMAGE]
    made = subprocess.run(words, input=busybox_image(), env=environment, capture_output=True)
    began = time.monotonic()
    tried = subprocess.run(["podman", "run", "--rm", IMAGE], env=environment, capture_output=True)
    if time.monotonic() - began > PODMAN_GIVES_UP:
        pytest.skip("podman waits in vain for its monitor to end: process 1 does not bury the dead here")
    if made.returncode or tried.returncode:
        pytest.skip(f"podman does not work here: {(made.stderr + tried.stderr).decode()[-300:]}")
    yield environment
    subprocess.run(["podman", "rm", "--all", "--force"], env=environment, capture_output=True)
    subprocess.run(["podman", "rmi", "--all", "--force"], env=environment, capture_output=True)


class InImage(LocalExecutor):
    """Gives every step the image."""

    def launch(self, call: StepCall) -> None:
        super().launch(replace(call, image=call.image or IMAGE))


class ImageHouse(LocalHouse):
    """Opens such executors."""

    def open(self, **changed: object) -> LocalExecutor:
        executor = InImage(self.root, self.store, parse, replace(self.options, **changed))  # type: ignore[arg-type]
        self.opened.append(executor)
        return executor


@pytest.fixture
def house(make_house: Callable[..., LocalHouse], podman: dict[str, str]) -> LocalHouse:
    plain = make_house("none", images="podman", environment=podman)
    return ImageHouse(plain.root, plain.options, plain.store, absolute_paths=True)


@pytest.mark.slow
class TestPodman(ExecutorContract):
    variables = frozenset({"PATH", "HOME", "TMPDIR", "HOSTNAME", "TERM", "container"})

    @pytest.fixture
    def house(self, make_house: Callable[..., LocalHouse], podman: dict[str, str]) -> LocalHouse:
        plain = make_house("none", images="podman", environment=podman)
        return ImageHouse(plain.root, plain.options, plain.store, absolute_paths=True)


def containers(house: LocalHouse) -> list[str]:
    words = ["podman", "ps", "--all", "--format", "{{.Names}}"]
    done = subprocess.run(
        words, env=dict(house.options.environment), capture_output=True, check=True, text=True
    )
    return done.stdout.split()


def none_is_left(house: LocalHouse) -> bool:
    """The engine removes a container a moment after its end."""
    deadline = time.monotonic() + PATIENCE
    while (found := containers(house)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not found


def test_without_a_command_the_image_s_own_entrypoint_runs(house: LocalHouse) -> None:
    assert run(house.open(), call("a")).log_tail == "entrypoint of nobody\n"
    assert run(house.open(), call("b", args=("x", "y"))).log_tail == "entrypoint of x y\n"


def test_an_image_that_is_nowhere_is_not_the_step_s_failure(house: LocalHouse) -> None:
    observation = run(house.open(), call("a", "true", image="localhost/no-such-image:1"))
    assert failure(observation) == (INFRASTRUCTURE, "SandboxFailed")
    assert "no-such-image" in observation.message
    assert observation.exit_code is None


def test_a_step_has_no_privileges(house: LocalHouse) -> None:
    status = run(house.open(), call("a", "cat /proc/self/status")).log_tail
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (fields["CapEff"], fields["CapPrm"], fields["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")


def test_the_network_can_be_taken_away(house: LocalHouse) -> None:
    observation = run(house.open(network=False), call("a", "ls /sys/class/net"))
    assert observation.log_tail == "lo\n"


def test_the_image_keeps_its_own_working_directory_when_nothing_is_put_there(house: LocalHouse) -> None:
    assert run(house.open(), call("a", "pwd; ls", working_dir="/app")).log_tail == "/app\nof-the-image\n"


def test_a_read_only_input_beside_outputs_is_there(house: LocalHouse) -> None:
    asked = call(
        "a",
        "cat /data/in /other/in >/data/out",
        input_texts=(InputText("/data/in", "1"), InputText("/other/in", "2")),
        artifact_outputs=(ArtifactOutput("out", "/data/out"),),
    )
    observation = run(house.open(), asked)
    assert failure(observation) == (None, ""), observation.log_tail
    assert stored(house.store, observation.outputs.artifacts["out"]) == b"12"
    assert run(house.open(), call("b", "echo >/in/x", input_texts=(InputText("/in/x", ""),))).exit_code == 1


def test_paths_that_an_image_cannot_be_given_are_refused(house: LocalHouse) -> None:
    executor = house.open()
    for path, why in (("/message", "directly below '/'"), ("/proc/x", "belongs to the system")):
        with pytest.raises(LaunchRejected, match=why):
            executor.launch(call("a", "true", parameter_outputs=(ParameterOutput("n", path),)))


def test_a_container_of_an_ended_or_stopped_step_is_gone(house: LocalHouse) -> None:
    executor = house.open()
    stubborn = call("a", "trap '' TERM; echo up; while :; do sleep 1; done")
    executor.launch(stubborn)
    said(executor, stubborn.key, b"up")
    assert containers(house) == [container_name(Place(house.root, stubborn.key))]
    executor.cancel(stubborn.key)
    assert failure(seen(executor, stubborn.key)) == (CANCELLED, "Cancelled")
    assert failure(run(executor, call("b", "exit 3"))) == (FAILURE, "ExitCode")
    assert none_is_left(house)


def test_a_keeper_that_is_killed_takes_its_container_along(house: LocalHouse) -> None:
    executor = house.open()
    asked = call("a", "echo up; while :; do sleep 1; done")
    executor.launch(asked)
    said(executor, asked.key, b"up")
    claim = Place(house.root, asked.key).claim()
    assert claim is not None
    os.kill(claim.keeper, signal.SIGKILL)
    assert failure(seen(executor, asked.key)) == (INFRASTRUCTURE, "Lost")
    assert none_is_left(house)


def test_a_step_without_an_image_runs_on_the_host(
    make_house: Callable[..., LocalHouse], podman: dict[str, str]
) -> None:
    house = make_house("none", images="auto", environment=podman)
    assert run(house.open(), call("a", "test -e /work -o -e /usr/bin/env")).exit_code == 0
    with_image = call("b", "cat /app/of-the-image", image=IMAGE)
    assert run(house.open(), with_image).exit_code == 0


def test_an_engine_that_does_not_answer_is_no_engine(
    make_house: Callable[..., LocalHouse], tmp_path: Path
) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    environment = {"PATH": f"{tmp_path}"}
    house = make_house("none", images="auto", environment=environment)
    observation = run(house.open(), call("a", "true", image=IMAGE))
    assert observation.message == f"ran on the host, not in '{IMAGE}': neither podman nor docker answers here"
    with pytest.raises(SettingsError, match=r"executor\.images is docker, but it does not answer"):
        house.open(images="docker").launch(call("b", "true", image=IMAGE))
