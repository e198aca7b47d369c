"""What an operator may give as URL, branch and credentials, and what git is then told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import GitError, SettingsError
from reconciler.git import safety
from reconciler.git.access import GitAccess, checked_branch, protocol_of
from reconciler.git.process import run


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://git.example.com/team/flows.git", "https"),
        ("https://git.example.com:8443/x", "https"),
        ("ssh://git@git.example.com/x.git", "ssh"),
        ("ssh://git.example.com:2222/x.git", "ssh"),
        ("git@git.example.com:team/flows.git", "ssh"),
        ("git.example.com:flows.git", "ssh"),
        ("/srv/git/my flows é.git", "file"),
        ("file:///srv/git/flows.git", "file"),
        ("https://[2001:db8::1]/x.git", "https"),
    ],
)
def test_a_url_gives_the_one_protocol_that_git_may_speak(url: str, protocol: str) -> None:
    assert protocol_of(url) == protocol


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% PWN",
        "ext::/bin/sh",
        "fd::3",
        "git://git.example.com/x",
        "http://git.example.com/x",
        "ftp://git.example.com/x",
        "rsync://git.example.com/x",
        "transport::https://git.example.com/x",
        "--upload-pack=touch PWN",
        "-oProxyCommand=touch PWN",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-l@host/x",
        "-host:x",
        "https://-host/x",
        "https://user:secret@host/x",
        "https://secret@host/x",
        "ssh://user:secret@host/x",
        "https://host",
        "https:///x",
        "https://host/a b",
        "https://host/a\nb",
        "https://host/a\\b",
        "https://host/é",
        "/srv/a\nb",
        "relative/path",
        "./x",
        "",
        "$HOME/x",
    ],
)
def test_row_02_any_other_url_is_refused_without_showing_a_secret(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        GitAccess(url, "main", ssh_key="/k", known_hosts="/h")
    assert "secret" not in str(refused.value)


def test_row_02_git_itself_may_speak_no_other_protocol(tmp_path: Path) -> None:
    access = GitAccess(str(tmp_path), "main")
    assert safety.environment(access)["GIT_ALLOW_PROTOCOL"] == "file"
    assert safety.environment()["GIT_ALLOW_PROTOCOL"] == "none"

    for url in ("ext::touch PWN", "git://127.0.0.1:1/x", "http://127.0.0.1:1/x", "file:///x"):
        done = subprocess.run(
            ["git", "ls-remote", url], env=safety.environment(), cwd=tmp_path, capture_output=True, text=True
        )
        assert "not allowed" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["main", "runs", "release/1.2_x-y", "a", "0", "x" * 200])
def test_a_branch_name_that_git_takes_is_taken(name: str) -> None:
    assert checked_branch(name) == name
    subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=True)


@pytest.mark.parametrize(
    "name",
    [
        "-x", "--upload-pack=touch PWN", "--output=PWN", "", "/a", "a/", "a//b", "a..b", "../a", ".a", "a/.b",
        "a.lock", "a.lock/b", "a.", "a b", "a\nb", "a\0b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b",
        "@", "a@{b", "é", "x" * 201, "a/-b", "+main", "main:refs/heads/x",
    ],
)  # fmt: skip
def test_row_01_any_other_branch_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="not a branch name"):
        GitAccess("/srv/x.git", name)


def test_ssh_needs_a_key_and_known_hosts() -> None:
    with pytest.raises(SettingsError, match="known_hosts"):
        GitAccess("git@example.com:x", "main", ssh_key="/k")
    with pytest.raises(SettingsError, match="known_hosts"):
        GitAccess("git@example.com:x", "main", known_hosts="/h")


def test_ssh_trusts_the_named_hosts_and_reads_no_configuration() -> None:
    access = GitAccess("git@example.com:x", "main", ssh_key="/my keys/it's", known_hosts="/etc/known hosts")
    command = safety.environment(access)["GIT_SSH_COMMAND"]
    words = run(["sh", "-c", f"printf '%s\\n' {command}"], safety.environment()).decode().splitlines()

    assert words[:3] == ["ssh", "-F", "/dev/null"]
    assert {"StrictHostKeyChecking=yes", "BatchMode=yes", "IdentitiesOnly=yes"} <= set(words)
    assert 'UserKnownHostsFile="/etc/known hosts"' in words
    assert words[-2:] == ["-i", "/my keys/it's"]


@pytest.mark.parametrize("path", ["/a%h", '/a"b', "/a\nb"])
def test_paths_that_ssh_would_expand_are_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="take for something else"):
        GitAccess("git@example.com:x", "main", ssh_key="/k", known_hosts=path)


@pytest.mark.parametrize("content", ["", "\n", "two words", "two\nlines", "tab\there", "nul\0", "é"])
def test_a_token_file_that_holds_no_token_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)

    with pytest.raises(GitError, match="token"):
        safety.environment(GitAccess("https://example.com/x", "main", token_file=path))


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"Cannot read the token file '.*/token': No such file"):
        safety.environment(GitAccess("https://example.com/x", "main", token_file=tmp_path / "token"))


def test_row_26_the_token_is_for_one_host_and_only_where_the_remote_is_meant(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    access = GitAccess("https://example.com/x/y.git", "main", token_file=tmp_path / "token")
    env = safety.environment(access)

    (number,) = [key.rpartition("_")[2] for key, value in env.items() if value.endswith(".extraHeader")]
    assert env[f"GIT_CONFIG_KEY_{number}"] == "http.https://example.com/.extraHeader"
    assert env[f"GIT_CONFIG_VALUE_{number}"] == "Authorization: Basic eC1hY2Nlc3MtdG9rZW46dDBrZW4="
    assert not [value for value in safety.environment().values() if "Basic" in value]
    assert "t0ken" not in repr(access)
    assert "t0ken" not in " ".join(safety.fetch_argv("/d", access.ref))


def test_row_29_nothing_of_the_caller_but_what_is_needed_passes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GIT_DIR",
        "GIT_SSH",
        "GIT_CONFIG_PARAMETERS",
        "LD_PRELOAD",
        "AWS_SECRET_ACCESS_KEY",
        "EDITOR",
    ):
        monkeypatch.setenv(name, "evil")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    env = safety.environment()

    assert "evil" not in env.values()
    assert env["HTTPS_PROXY"] == "http://proxy:3128"
    assert env["LC_ALL"] == "C.UTF-8"
    assert env["GIT_TERMINAL_PROMPT"] == "0"


def test_git_takes_every_setting_that_we_give(tmp_path: Path) -> None:
    argv = ["git", "-C", str(tmp_path), "config", "--list", "--show-scope"]
    listed = run(argv, safety.environment()).decode().splitlines()

    assert len(listed) == int(safety.environment()["GIT_CONFIG_COUNT"])
    assert {line.split("\t")[0] for line in listed} == {"command"}
    assert "command\tcore.hookspath=/dev/null" in listed


def test_access_is_a_frozen_value() -> None:
    one, same = (GitAccess("/srv/x.git", "main") for _ in range(2))

    assert one == same
    assert hash(one) == hash(same)
    assert one != GitAccess("/srv/x.git", "other")
    with pytest.raises(AttributeError, match="frozen"):
        one.url = "/other"


def test_what_a_pass_without_work_imports_is_next_to_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from reconciler.git.access import GitAccess\n"
        "from reconciler.git.clone import Clone\n"
        f"clone = Clone({str(tmp_path / 'clone')!r}, GitAccess({str(tmp_path / 'remote')!r}, 'main'))\n"
        "clone.fetch()\n"
        "print(*sorted(name for name in set(sys.modules) - before if not name.startswith('reconciler')))"
    )
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote"], check=True)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["__future__", "select"]
