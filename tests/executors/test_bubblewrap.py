"""Steps behind bubblewrap: what they see, what they cannot see, and what they cannot touch."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.errors import LaunchRejected, SettingsError
from reconciler.executors.local.ways import find_bubblewrap
from reconciler.model.run import InputFile, InputText
from reconciler.model.workflow import ArtifactOutput, ParameterOutput
from tests.executors.conftest import LocalHouse
from tests.executors.contract import FAILURE, INFRASTRUCTURE, an_artifact, call, failure, run, stored


@pytest.fixture
def house(make_house: Callable[..., LocalHouse]) -> LocalHouse:
    return make_house("bubblewrap")


def output(path: str, name: str = "out") -> dict[str, tuple[ArtifactOutput, ...]]:
    return {"artifact_outputs": (ArtifactOutput(name, path),)}


ANYWHERE = [
    *("/message", "/out/deep/er/x", "/etc/x", "/etc/ssl/x", "/usr/local/share/x", "/var/run/x", "/opt/x"),
    *("/root/x", "/tmp/of-mine", "/tmp/of-mine/x", "/reconciler/work/x", "x", "deep/x", "/etc/hostname"),
    *("/bin/x", "/ünï/ä b"),
]


def content(path: str | Path) -> bytes | None:
    return Path(path).read_bytes() if Path(path).exists() else None


def names(directory: str) -> set[str]:
    return {path.name for path in Path(directory).iterdir()}


@pytest.mark.parametrize("path", ANYWHERE)
def test_an_output_may_be_written_anywhere_but_in_the_system(house: LocalHouse, path: str) -> None:
    before = content(path)
    asked = call("a", f"mkdir -p '{Path(path).parent}' && echo mine >'{path}'", **output(path))
    observation = run(house.open(), asked)
    assert failure(observation) == (None, ""), observation.log_tail
    assert stored(house.store, observation.outputs.artifacts["out"]) == b"mine\n"
    assert content(path) == before


@pytest.mark.parametrize("path", ["/in.txt", "/in/deep/x", "/etc/x", "/etc/hostname", "/tmp/x", "/var/run/x"])
def test_an_input_may_stand_anywhere_but_in_the_system(house: LocalHouse, path: str) -> None:
    observation = run(house.open(), call("a", f"cat {path}", input_texts=(InputText(path, "given"),)))
    assert observation.log_tail == "given"


@pytest.mark.parametrize(
    "path", ["/", "/proc/x", "/sys/x", "/dev/shm/x", "/dev", "/reconciler/x", "/reconciler"]
)
def test_a_path_in_the_system_is_refused_before_the_start(house: LocalHouse, path: str) -> None:
    executor = house.open()
    with pytest.raises(LaunchRejected, match="belongs to the system"):
        executor.launch(call("a", "true", **output(path)))


def test_a_relative_path_may_not_leave_the_working_directory(house: LocalHouse) -> None:
    with pytest.raises(LaunchRejected, match="leads out of the working directory"):
        house.open().launch(call("a", "true", **output("../log")))


def test_opening_a_directory_up_hides_nothing(house: LocalHouse) -> None:
    def listed(step: str, directory: str) -> set[str]:
        asked = call(step, f"ls -A {directory}", **output("/etc/ssl/x"))
        return set(stored(house.store, run(house.open(), asked).log).decode().split())

    assert listed("a", "/etc/ssl") == names("/etc/ssl")
    assert listed("b", "/etc") == names("/etc")
    assert listed("c", "/") == names("/") | {"reconciler"}


def test_the_host_cannot_be_written(house: LocalHouse, tmp_path: Path) -> None:
    asked = call(
        "a",
        "touch /etc/x /usr/x /x /var/x /root/x /run/x",
        f"touch {tmp_path}/x; mount -o remount,rw /usr; mknod d b 8 0; true",
    )
    observation = run(house.open(), asked)
    assert observation.exit_code == 0
    assert observation.log_tail.count("Read-only file system") >= 6
    assert not any(
        Path(f"{top}/x").exists() for top in ("", "/etc", "/usr", "/var", "/root", "/run", tmp_path)
    )


def test_the_host_stays_read_only_where_it_was_opened_up(house: LocalHouse) -> None:
    asked = call("a", "echo x >>/etc/hostname", "rm -f /etc/passwd", "touch /etc/ok", **output("/etc/ok"))
    before = Path("/etc/passwd").read_bytes()
    observation = run(house.open(), asked)
    assert failure(observation) == (None, "")
    assert observation.log_tail.count("Read-only") + observation.log_tail.count("busy") == 2
    assert Path("/etc/passwd").read_bytes() == before


def test_a_step_sees_no_attempt_but_its_own(house: LocalHouse) -> None:
    other = call("other", "echo secret >file")
    run(house.open(), other)
    observation = run(house.open(), call("a", f"ls -A {house.root}", f"cat {house.root}/*/*/*/work/file"))
    assert observation.exit_code == 1
    assert "secret" not in observation.log_tail


def test_credentials_are_hidden(make_house: Callable[..., LocalHouse]) -> None:
    with TemporaryDirectory(dir="/var/tmp") as directory:  # /tmp is another one for the step
        home = Path(directory)
        for name in (
            ".ssh/id",
            ".aws/credentials",
            ".config/gcloud/x",
            ".netrc",
            ".config/visible",
            "settings",
        ):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(f"content of {name}\n")
        (home / "link").symlink_to(home / "settings")
        house = make_house("bubblewrap", hidden=(home / "link",), environment={"HOME": directory})
        observation = run(house.open(), call("a", f"grep -rhs content {directory}; cat /etc/shadow; true"))
        assert observation.log_tail == "content of .config/visible\ncat: /etc/shadow: Permission denied\n"


def test_hidden_paths_outside_of_tmp_are_covered(make_house: Callable[..., LocalHouse]) -> None:
    house = make_house("bubblewrap", hidden=(Path("/usr/share/doc"), Path("/etc/hostname"), Path("/no/such")))
    observation = run(house.open(), call("a", "ls -A /usr/share/doc; cat /etc/hostname"))
    assert (observation.exit_code, "Permission denied" in observation.log_tail) == (1, True)
    assert len(observation.log_tail.splitlines()) == 1


def test_processes_of_the_host_are_not_seen(house: LocalHouse) -> None:
    observation = run(
        house.open(), call("a", "ls -d /proc/[0-9]* | wc -l", "kill -0 2>/dev/null $PPID; echo $$")
    )
    assert int(observation.log_tail.split()[0]) < 8


def test_the_network_is_there_or_not_as_set(make_house: Callable[..., LocalHouse]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"#!/usr/bin/env python3\nimport socket\nsocket.create_connection(('127.0.0.1', {port}))"
        house = make_house("bubblewrap")
        assert run(house.open(), call("a", script=script)).exit_code == 0
        assert run(house.open(network=False), call("b", script=script)).exit_code == 1


def test_a_working_directory_may_be_absolute(house: LocalHouse) -> None:
    asked = call("a", "pwd; cat in; echo 1 >out", working_dir="/srv/app", **output("out"))
    data = an_artifact(house.store, "d", b"data\n")
    observation = run(house.open(), replace(asked, input_files=(InputFile("in", data),)))
    assert failure(observation) == (None, "")
    assert observation.log_tail == "/srv/app\ndata\n"
    assert stored(house.store, observation.outputs.artifacts["out"]) == b"1\n"


def test_a_working_directory_of_the_host_keeps_its_files_and_can_be_written(house: LocalHouse) -> None:
    observation = run(house.open(), call("a", "test -e passwd && echo 1 >x && pwd", working_dir="/etc"))
    assert (observation.exit_code, observation.log_tail) == (0, "/etc\n")
    assert not Path("/etc/x").exists()


def test_environment_that_would_mislead_the_launcher_reaches_only_the_step(house: LocalHouse) -> None:
    env = {"LD_PRELOAD": "/no/such.so", "PATH": "/nowhere", "ENV": "/x", "IFS": "/", "PS4": "$(touch /tmp/x)"}
    observation = run(house.open(), call("a", command=("/usr/bin/env",), env=env))
    assert observation.exit_code == 0
    assert "PATH=/nowhere" in observation.log_tail


def test_a_sandbox_that_cannot_be_set_up_is_not_the_step_s_failure(house: LocalHouse) -> None:
    executor = house.open()
    executor._ways.host._program = "/usr/bin/false"  # type: ignore[attr-defined]
    observation = run(executor, call("a", "true"))
    assert failure(observation) == (INFRASTRUCTURE, "SandboxFailed")


def test_exit_code_1_of_the_command_is_its_own(house: LocalHouse) -> None:
    assert failure(
        run(house.open(), call("a", "echo bwrap: execvp x: No such file or directory; exit 1"))
    ) == (
        FAILURE,
        "ExitCode",
    )


def test_a_file_that_cannot_be_executed_is_named_so(house: LocalHouse) -> None:
    observation = run(house.open(), call("a", command=("/etc/passwd",)))
    assert failure(observation) == (FAILURE, "CommandNotFound")
    assert observation.exit_code == 126


def test_without_bubblewrap_absolute_paths_are_refused_with_what_to_install(
    make_house: Callable[..., LocalHouse], tmp_path: Path
) -> None:
    executor = make_house("auto", path=str(tmp_path)).open()
    why = _refusal(executor)
    assert "bubblewrap is not installed" in why
    assert "apt install bubblewrap" in why


@pytest.mark.parametrize("installed", [True, False])
def test_without_isolation_absolute_paths_are_refused_with_the_setting_to_change(
    make_house: Callable[..., LocalHouse], tmp_path: Path, installed: bool
) -> None:
    if installed:
        (tmp_path / "bwrap").touch(0o755)
    why = _refusal(make_house("none", path=str(tmp_path)).open())
    assert "executor.isolation is none; write a relative path, or set executor.isolation to auto" in why
    assert ("apt install bubblewrap" in why) != installed


def _refusal(executor: object) -> str:
    with pytest.raises(LaunchRejected) as caught:
        executor.launch(call("a", "true", parameter_outputs=(ParameterOutput("n", "/out/n"),)))  # type: ignore[attr-defined]
    return str(caught.value)


def test_bubblewrap_that_was_asked_for_and_is_not_there_is_a_wrong_setting(
    make_house: Callable[..., LocalHouse], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="bubblewrap is not installed"):
        make_house("bubblewrap", path=str(tmp_path)).open().launch(call("a", "true"))


def test_bubblewrap_that_does_not_work_here_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho No permissions to create new namespace >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    program, lack = find_bubblewrap(str(tmp_path))
    assert program == ""
    assert lack == "bubblewrap does not work here: No permissions to create new namespace"
