"""Secrets of local steps: found where the operator keeps them, given to one step, left nowhere."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.errors import LaunchRejected
from reconciler.executors.local.secrets import known_values, variable_of
from reconciler.model.run import AttemptKey, Observation, StepCall
from reconciler.model.workflow import ArtifactOutput, SecretInput
from tests.executors.conftest import LocalHouse
from tests.executors.contract import FAILURE, call, failure, run, stored

TOKEN = "a 'quoted' $TOKEN\n with two lines"
BY_ENV = SecretInput("data-base", "pass.word", env="DB_PASSWORD")
BY_PATH = SecretInput("data-base", "pass.word", path="private/password")


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    path = tmp_path / "vault"
    (path / "data-base").mkdir(parents=True)
    (path / "data-base" / "pass.word").write_text(TOKEN + "\n")
    return path


def left_behind(root: Path) -> list[str]:
    """The files below `root` in which the secret stands, but for what the step itself said."""
    found = []
    for directory, _, names in os.walk(root):
        for name in set(names) - {"log", "result.json"}:
            with suppress(FileNotFoundError):  # swept in the background
                if b"$TOKEN" in (content := Path(directory, name)).read_bytes():
                    found.append(str(content))
    return found


def asked(*shell: str, secrets: tuple[SecretInput, ...], **more: object) -> StepCall:
    return call("a", *shell, secrets=secrets, **more)


def test_a_variable_holds_the_value_without_the_last_line_end(house: LocalHouse, vault: Path) -> None:
    observation = run(house.open(secrets=vault), asked('printf "%s" "$DB_PASSWORD"', secrets=(BY_ENV,)))
    assert (failure(observation), observation.log_tail) == ((None, ""), TOKEN)


def test_a_file_holds_every_byte_for_the_step_alone(house: LocalHouse, vault: Path) -> None:
    (vault / "data-base" / "pass.word").write_bytes(b"\0\xff\n")
    shell = "stat -c %a private/password; od -An -tx1 private/password"
    assert run(house.open(secrets=vault), asked(shell, secrets=(BY_PATH,))).log_tail == "400\n 00 ff 0a\n"


def test_a_file_may_stand_at_an_absolute_path(house: LocalHouse, vault: Path) -> None:
    if not house.absolute_paths:
        pytest.skip("this executor has relative paths only")
    secret = SecretInput("data-base", "pass.word", path="/etc/app/password")
    assert run(house.open(secrets=vault), asked("cat /etc/app/*", secrets=(secret,))).log_tail == TOKEN + "\n"


def test_the_environment_of_the_pass_can_hold_secrets_too(house: LocalHouse) -> None:
    executor = house.open(environment={**os.environ, "RECONCILER_SECRET_DATA_BASE_PASS_WORD": "from outside"})
    observation = run(executor, asked("cat private/*; env | grep ^RECONCILER_SECRET_", secrets=(BY_PATH,)))
    assert observation.log_tail == "from outside"


def test_a_secret_that_is_nowhere_is_refused_with_both_ways_to_give_it(
    house: LocalHouse, vault: Path
) -> None:
    other = SecretInput("mail", "key", env="KEY")
    with pytest.raises(LaunchRejected) as refused:
        house.open(secrets=vault, environment={}).launch(asked("true", secrets=(other,)))
    assert refused.value.reason == "SecretMissing"
    assert refused.value.message == (
        f"there is no secret 'mail' with the key 'key' here; write it to {vault}/mail/key, "
        "or set RECONCILER_SECRET_MAIL_KEY in the environment of the pass"
    )
    with pytest.raises(LaunchRejected, match=r"write it to <executor\.secrets>/mail/key, or set"):
        house.open(environment={}).launch(asked("true", secrets=(other,)))
    assert list(house.root.glob("*/a.1/*")) == []


@pytest.mark.parametrize(
    ("value", "why"), [(b"a\0b", "holds a NUL"), (b"\xff", "is no text"), (b"x" * 131072, "or 128 KiB")]
)
def test_what_no_variable_can_hold_is_refused(house: LocalHouse, vault: Path, value: bytes, why: str) -> None:
    (vault / "data-base" / "pass.word").write_bytes(value)
    with pytest.raises(LaunchRejected, match=why):
        house.open(secrets=vault).launch(asked("true", secrets=(BY_ENV,)))


def test_nothing_of_a_secret_is_left_on_disk_when_the_step_is_over(house: LocalHouse, vault: Path) -> None:
    what = asked("test -n $DB_PASSWORD; cp private/password ../seen || true", secrets=(BY_ENV, BY_PATH))
    assert failure(run(house.open(secrets=vault), what)) == (None, "")
    assert left_behind(house.root) == left_by_step(house, what.key)
    assert [path.name for path in (house.root / "demo-1-cafe").iterdir()] == ["a.1"]


def left_by_step(house: LocalHouse, key: AttemptKey) -> list[str]:
    """Without a sandbox a step can write beside its working directory, and so this one did."""
    return [] if house.absolute_paths else [str(house.root / key.run_id / f"{key.step}.1" / "seen")]


def test_a_variable_stands_on_disk_no_longer_than_until_the_step_runs(house: LocalHouse, vault: Path) -> None:
    what = asked("grep -rl 'two.line[s]' .. /proc/self/cmdline; true", secrets=(BY_ENV,))
    assert run(house.open(secrets=vault), what).log_tail == ""


def test_a_secret_file_is_not_collected_with_a_directory_around_it(house: LocalHouse, vault: Path) -> None:
    everything = ArtifactOutput("all", "private", archive="tar")
    what = asked("touch private/mine", secrets=(BY_PATH,), artifact_outputs=(everything,))
    artifact = run(house.open(secrets=vault), what).outputs.artifacts["all"]
    content = stored(house.store, artifact)
    assert (b"mine" in content, b"password" in content) == (True, False)


def test_a_step_that_moves_its_secret_file_aside_ends_as_any_other(house: LocalHouse, vault: Path) -> None:
    what = asked("rm -rf private; ln -s / private", secrets=(BY_PATH,))
    assert failure(run(house.open(secrets=vault), what)) == (None, "")


def test_a_step_behind_bubblewrap_cannot_see_the_secrets_of_others(house: LocalHouse, vault: Path) -> None:
    if not house.absolute_paths:
        pytest.skip("this executor has relative paths only, and hides nothing")
    executor = house.open(secrets=vault, hidden=(vault,))
    running = asked("cat >/dev/null; sleep 60", secrets=(BY_PATH,))
    executor.launch(running)
    places = f"{vault.parent} {house.root} /dev /proc /run"  # where a secret ever stands
    look = f"ls -A {vault} 2>&-; find {places} -name password -path '*private*' 2>&-; true"
    observation = run(executor, call("b", look))
    assert observation.log_tail == ""
    executor.cancel(running.key)


def test_a_place_that_leads_out_of_the_attempt_is_refused(house: LocalHouse, vault: Path) -> None:
    secret = SecretInput("data-base", "pass.word", path="../password")
    with pytest.raises(LaunchRejected, match="leads out of the working directory"):
        house.open(secrets=vault).launch(asked("true", secrets=(secret,)))


@pytest.mark.parametrize("name", ["..", "a/b", ""])
def test_a_name_that_leads_out_of_the_directory_is_refused(house: LocalHouse, vault: Path, name: str) -> None:
    secret = SecretInput(name, "key", env="KEY")
    with pytest.raises(LaunchRejected, match="cannot name a directory"):
        house.open(secrets=vault).launch(asked("true", secrets=(secret,)))


def test_a_secret_where_the_path_is_a_directory_fails_the_step(house: LocalHouse, vault: Path) -> None:
    taken = SecretInput("data-base", "pass.word", path=".")
    executor = house.open(secrets=vault)
    assert ended(executor, asked("true", secrets=(taken,))) == (FAILURE, "LaunchRejected")


def ended(executor: object, what: StepCall) -> object:
    """How it ends, wherever it is refused."""
    try:
        observation: Observation = run(executor, what)  # type: ignore[arg-type]
    except LaunchRejected as error:
        return FAILURE, error.reason
    return failure(observation)


def test_the_values_that_must_not_be_published_are_known(vault: Path) -> None:
    (vault / "data-base" / "pin").write_text("123")  # would be found in every other number
    environment = {variable_of("mail", "api-key"): "s3cret", "HOME": "/root"}
    assert sorted(known_values(str(vault), environment)) == [TOKEN, "s3cret"]
    assert list(known_values("", {})) == []
