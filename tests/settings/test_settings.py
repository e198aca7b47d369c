"""Settings come from flags, environment and one file, in this order; whatever is unknown or wrong is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import SettingsError
from reconciler.settings import Secret, Settings, read_secret, read_settings, require, shown, table

ROOT = Path(__file__).parents[2]
HOME = {"HOME": "/home/jo"}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def complaint(
    flags: dict[str, str] | None = None, environ: dict[str, str] | None = None, config: Path | None = None
) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(flags or {}, environ or {}, config)
    assert caught.value.exit_code == 2
    return caught.value.message


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path) -> None:
    config = write(tmp_path / "c.yaml", "repository: {branch: from-file, path: flows}\npass: {budget: 1m}\n")
    environ = {"RECONCILER_REPOSITORY_BRANCH": "from-variable", "RECONCILER_PASS_BUDGET": "2m"}
    settings = read_settings({"pass.budget": "3m"}, environ, config)
    assert (settings.repository.path, settings.repository.branch, settings.pass_.budget) == (
        "flows",
        "from-variable",
        180.0,
    )
    assert settings.origins == {
        "repository.path": f"{config}:1",
        "repository.branch": "RECONCILER_REPOSITORY_BRANCH",
        "pass.budget": "--pass-budget",
    }


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    config = write(tmp_path / "c.yaml", "repository: {branch: trunk}\n")
    assert read_settings({}, {"RECONCILER_CONFIG": str(config)}).repository.branch == "trunk"


def test_everything_wrong_is_reported_at_once_with_its_place_and_what_was_meant(tmp_path: Path) -> None:
    config = write(
        tmp_path / "c.yaml",
        "repository:\n  brunch: main\nlegder: {}\nstore:\n  access_key: AKIA\n  secure: {a: b}\n"
        "pass:\n  budget: soon\n  budget: 5m\n",
    )
    environ = {"RECONCILER_REPOSITRY_URL": "x", "RECONCILER_EXECUTOR_SLOTS": "0"}
    assert complaint({"pass.bugdet": "5m"}, environ, config).splitlines() == [
        f"{config}:2: repository.brunch: there is no such setting. Did you mean 'branch'?",
        f"{config}:3: legder: there is no such setting. Did you mean 'ledger'?",
        f"{config}:5: store.access_key: a secret does not belong into a file that people read. "
        "Set store.access_key_file, or RECONCILER_STORE_ACCESS_KEY in the environment.",
        f"{config}:6: store.secure must be a value or a list of values.",
        f"{config}:9: pass.budget stands here twice.",
        "RECONCILER_REPOSITRY_URL: there is no such setting. Did you mean 'RECONCILER_REPOSITORY_URL'?",
        "pass.bugdet: there is no such setting. Did you mean 'pass.budget'?",
        f"{config}:8: pass.budget must be a duration such as 90s, 5m or 1h.",
        "RECONCILER_EXECUTOR_SLOTS: executor.slots must be a whole number, 1 or more.",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"repository: [", "is not valid YAML"),
        (b"\xff\xfe", "is not valid YAML"),
        (b"[" * 5000, "is not valid YAML"),
        (b"- a\n", ":1: the file must be a mapping."),
        (b"repository: x\n", ":1: repository must be a mapping."),
        (b"#" * (1 << 21), "is larger than 1 MiB"),
        (b"? {a: b}\n: c\n", "there is no such setting."),
    ],
)
def test_a_broken_file_is_a_settings_error(tmp_path: Path, content: bytes, message: str) -> None:
    config = tmp_path / "c.yaml"
    config.write_bytes(content)
    assert message in complaint(config=config)


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    assert "No such file" in complaint(config=tmp_path / "none.yaml")


def test_an_empty_file_and_empty_values_change_nothing(tmp_path: Path) -> None:
    config = write(tmp_path / "c.yaml", "# nothing\n")
    empty = write(tmp_path / "d.yaml", "repository:\n  branch:\nledger: ~\n")
    defaults = read_settings({}, HOME)
    settings = read_settings({}, {**HOME, "RECONCILER_REPOSITORY_BRANCH": ""}, config)
    assert settings == defaults.with_(config=str(config))
    assert read_settings({}, HOME, empty) == defaults.with_(config=str(empty))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("pass.budget", "90", 90.0),
        ("pass.budget", "1.5m", 90.0),
        ("pass.budget", "500ms", 0.5),
        ("limits.file_bytes", "256KiB", 262144),
        ("limits.file_bytes", "1 MiB", 1048576),
        ("store.secure", "no", False),
        ("store.secure", "True", True),
        ("executor.hide", "/a, /b,", ("/a", "/b")),
        ("executor.slots", "07", 7),
        ("repository.url", "git@example.com:team/flows.git", "git@example.com:team/flows.git"),
        ("repository.url", "ssh://git@example.com/flows.git", "ssh://git@example.com/flows.git"),
        ("repository.url", "/srv/flows.git", "/srv/flows.git"),
    ],
)
def test_text_is_read_by_the_kind_of_the_setting(name: str, text: str, value: object) -> None:
    assert table()[name].of(read_settings({name: text}, HOME)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pass.budget", "-1s"),
        ("pass.budget", "nan"),
        ("pass.budget", "inf"),
        ("pass.budget", "1e400"),
        ("pass.budget", "5 parsecs"),
        ("limits.file_bytes", "1kb"),
        ("executor.slots", "+3"),
        ("executor.slots", "٣"),
        ("executor.slots", ""),
        ("executor.isolation", "docker"),
        ("store.secure", "maybe"),
        ("repository.url", "https://jo:secret@example.com/flows.git"),
        ("repository.branch", "a\nb"),
    ],
)
def test_text_that_is_no_such_value_is_refused_without_being_repeated(name: str, text: str) -> None:
    message = complaint({name: text})
    assert message.startswith(f"{table()[name].flag}: {name} must ")
    assert "secret" not in message


def test_yaml_values_mean_what_is_written(tmp_path: Path) -> None:
    """YAML 1.1 would read 010 as 8, 1:30 as 90 and `no` as a truth value."""
    config = write(
        tmp_path / "c.yaml", "repository: {branch: no, path: 1:30}\nexecutor: {slots: 010, hide: [a, b]}\n"
    )
    settings = read_settings({}, HOME, config)
    assert (settings.repository.branch, settings.repository.path) == ("no", "1:30")
    assert (settings.executor.slots, settings.executor.hide) == (10, ("a", "b"))


def test_relative_paths_start_from_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path / "c.yaml", "repository: {url: ../flows.git, token_file: token}\n")
    monkeypatch.chdir("/")
    settings = read_settings({"state.directory": "var"}, HOME, config)
    assert settings.repository.url == str(tmp_path.parent / "flows.git")
    assert settings.repository.token_file == str(tmp_path / "token")
    assert settings.state.directory == "/var"


def test_the_state_lies_where_xdg_wants_it() -> None:
    assert read_settings({}, HOME).state.directory == "/home/jo/.local/state/reconciler"
    assert read_settings({}, {"XDG_STATE_HOME": "/x"}).state.directory == "/x/reconciler"
    assert read_settings({}, HOME).store.url == "file:///home/jo/.local/state/reconciler/artifacts"


def test_the_ledger_is_the_same_repository_unless_said_otherwise() -> None:
    given = {
        "repository.url": "https://a/b.git",
        "repository.token_file": "/t",
        "repository.known_hosts": "/k",
    }
    same = read_settings(given, HOME).ledger
    other = read_settings({**given, "ledger.url": "https://a/runs.git"}, HOME).ledger
    assert (same.url, same.branch, same.token_file) == ("https://a/b.git", "runs", "/t")
    assert (other.url, other.token_file, other.known_hosts) == ("https://a/runs.git", "", "/k")


def test_secrets_are_never_shown() -> None:
    settings = read_settings({}, {**HOME, "RECONCILER_STORE_SECRET_KEY": "hunter2"})
    secret = settings.store.secret_key
    assert secret is not None
    assert secret.reveal() == "hunter2"
    for text in (repr(settings), str(secret), f"{secret}", shown(secret), repr([secret])):
        assert "hunter2" not in text


def test_a_secret_has_no_flag_and_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    assert not any(row.flag for row in table().values() if row.about.kind.secret)
    assert read_secret(None, str(write(tmp_path / "key", "hunter2\n"))) == Secret("hunter2")
    assert read_secret(None, "") is None
    with pytest.raises(SettingsError, match="Cannot read the secret file"):
        read_secret(None, str(tmp_path / "none"))


def test_settings_are_frozen_values() -> None:
    settings = read_settings({}, HOME)
    with pytest.raises(AttributeError, match="frozen"):
        settings.repository.branch = "other"  # type: ignore[misc]
    changed = settings.with_(repository=settings.repository.with_(branch="other"))
    assert changed.repository.branch == "other"
    assert changed != settings
    with pytest.raises(TypeError, match="no setting 'brunch'"):
        settings.repository.with_(brunch="other")


def test_a_setting_that_a_command_needs_is_asked_for_by_its_names() -> None:
    with pytest.raises(SettingsError) as caught:
        require(Settings(), "repository.url")
    assert str(caught.value) == (
        "repository.url is not set.\n  Give --repository-url, set RECONCILER_REPOSITORY_URL, "
        "or write it into the file of --config."
    )


def test_what_steps_find_in_their_environment_is_no_setting() -> None:
    step = {"RECONCILER_STEP": "train", "RECONCILER_RUN_NUMBER": "3", "RECONCILER_ATTEMPT_COOKIE": "0a1b"}
    read_settings({}, {**HOME, **step})


def test_what_holds_a_secret_of_a_step_is_no_setting() -> None:
    read_settings({}, {**HOME, "RECONCILER_SECRET_MAIL_API_KEY": "s3cret"})


@pytest.mark.parametrize("row", table().values(), ids=list(table()))
def test_each_setting_has_words_an_example_and_a_default_of_its_kind(row: object) -> None:
    about = row.about  # type: ignore[attr-defined]
    assert about.text.endswith(".")
    if not about.kind.secret:
        read = about.kind.read(about.example, "/")
        assert about.example
        assert about.default is None or isinstance(read, type(about.default))


def test_the_pages_made_from_the_settings_are_up_to_date() -> None:
    command = [sys.executable, "-m", "docs.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_documentation_lists_every_setting() -> None:
    docs = ROOT / "docs"
    page, example = (docs / "settings.md").read_text(), (docs / "reconciler.example.yaml").read_text()
    for row in table().values():
        assert f"### {row.name}\n" in page
        assert f"`{row.variable}`" in page
        assert f"# {row.attribute}: " in example


@pytest.mark.parametrize("other_way", [{"token_file"}, {"github_app"}])
def test_the_example_file_is_valid_with_every_line_switched_on(tmp_path: Path, other_way: set[str]) -> None:
    """Of two ways into a repository, one or the other."""
    text = (ROOT / "docs/reconciler.example.yaml").read_text()
    rows = [row for row in table().values() if not row.about.kind.secret and row.attribute not in other_way]
    names = {row.attribute for row in rows}
    lines = [
        line.replace("  # ", "  ", 1) if line.startswith("  # ") and line[4:].split(":")[0] in names else line
        for line in text.splitlines()
    ]
    settings = read_settings({}, HOME, write(tmp_path / "c.yaml", "\n".join(lines)))
    assert len(settings.origins) == len(rows)


def test_reading_settings_imports_nothing_slow() -> None:
    """A pass with nothing to do reads them too, and has some 40 ms beyond the interpreter and git."""
    slow = ["dataclasses", "pathlib", "typing", "re", "yaml", "enum", "inspect"]
    code = (
        "import sys; before = set(sys.modules); import reconciler.settings as s; s.read_settings({}, {});"
        f"print([m for m in {slow} if m in sys.modules and m not in before])"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r});{code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
