"""The arguments for bubblewrap, from a host that is only a dictionary."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.executors.local.sandbox import View, arguments, outermost

HOST: Mapping[str, Mapping[str, str]] = {
    "/": {"usr": "directory", "etc": "directory", "bin": "->usr/bin", "proc": "directory", "dev": "directory"}
    | {"tmp": "directory", "var": "directory", "swap": "file"},
    "/etc": {"hosts": "file", "ssl": "directory", "mtab": "->/proc/mounts"},
    "/etc/ssl": {"certs": "directory", "openssl.cnf": "file"},
    "/var": {"run": "->/run", "lib": "directory"},
    "/usr": {"bin": "directory"},
}

BINDS = {"/reconciler/work": "/a/work", "/reconciler/home": "/a/home", "/tmp": "/a/tmp"}

TAIL = [
    *("--proc", "/proc", "--dev", "/dev"),
    *(
        "--bind",
        "/a/work",
        "/reconciler/work",
        "--bind",
        "/a/home",
        "/reconciler/home",
        "--bind",
        "/a/tmp",
        "/tmp",
    ),
]
APART = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL", "--die-with-parent"]


def listing(directory: str) -> Mapping[str, str]:
    return HOST.get(directory, {})


def back(*found: str) -> list[str]:
    """The host's entries, bound back read-only."""
    return [word for path in found for word in ("--ro-bind-try", path, path)]


def test_without_paths_of_its_own_a_step_sees_the_host_read_only() -> None:
    assert arguments(View("/a/root", BINDS), listing) == [
        *("--symlink", "usr/bin", "/bin"),
        *back("/etc", "/swap", "/usr", "/var"),
        *TAIL,
        *("--remount-ro", "/"),
        *APART,
    ]


def test_a_directory_of_the_host_is_opened_up_for_a_path_of_the_step() -> None:
    found = arguments(View("/a/root", BINDS, own=["/etc/ssl/mine.pem"]), listing)
    assert found == [
        *("--bind", "/a/root", "/"),
        *("--symlink", "usr/bin", "/bin"),
        *back("/etc/hosts"),
        *("--symlink", "/proc/mounts", "/etc/mtab"),
        *back("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/swap", "/usr", "/var"),
        *TAIL,
        *APART,
    ]


def test_a_path_of_the_step_takes_the_place_of_the_host_s() -> None:
    found = arguments(View("/a/root", BINDS, own=["/etc/hosts"]), listing)
    assert "/etc/hosts" not in found
    assert "/etc/ssl" in found


def test_a_path_directly_below_the_root_opens_nothing_else() -> None:
    found = arguments(View("/a/root", BINDS, own=["/message"]), listing)
    assert found[:2] == ["--bind", "/a/root"]
    assert [path for path in ("/etc", "/usr", "/var") if path not in found] == []


def test_a_working_directory_on_the_host_keeps_what_it_has() -> None:
    found = arguments(View("/a/root", BINDS, opened=["/etc/ssl"]), listing)
    assert "/etc/ssl" not in found
    assert {"/etc/ssl/certs", "/etc/ssl/openssl.cnf"} <= set(found)


def test_a_directory_named_like_ours_on_the_host_is_opened_up() -> None:
    host = {**HOST, "/": {"reconciler": "directory"}, "/reconciler": {"work": "directory", "theirs": "file"}}
    found = arguments(View("/a/root", BINDS), lambda directory: host.get(directory, {}))
    assert found[:3] == back("/reconciler/theirs")
    assert "/reconciler/home" in found


def test_credentials_are_covered_once_and_last() -> None:
    covered = outermost({"/root/.ssh": "directory", "/root/.ssh/id": "file", "/etc/shadow": "file"})
    found = arguments(View("/a/root", BINDS, covered=covered), listing)
    words = ["--ro-bind", "/dev/null", "/etc/shadow", "--tmpfs", "/root/.ssh", "--remount-ro", "/"]
    assert found[-len(APART) - len(words) : -len(APART)] == words


def test_the_network_can_be_taken_away() -> None:
    assert arguments(View("/a/root", BINDS, network=False), listing)[-1] == "--unshare-net"
