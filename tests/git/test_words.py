"""The pure parts: what git's words mean, how long to wait, which names are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import GitError, GitUnavailable
from reconciler.git import backoff, fast_import, push
from reconciler.git.access import GitAccess
from reconciler.git.fast_import import Identity
from reconciler.git.objects import Answer, answers
from reconciler.git.process import CommandFailed
from reconciler.git.translate import CloneDamaged, is_damage, redact, translate
from reconciler.git.tree import path_refusal
from reconciler.model.ledger import LedgerCommit

ACCESS = GitAccess("https://git.example.com/team/flows.git", "main")

GIVEN_UP = "\nfatal: Could not read from remote repository."
NO_ACCESS = "fatal: unable to access 'https://x/': "

SAID = [
    ("fatal: Authentication failed for 'https://x/'", GitError, "token or key"),
    ("git@x: Permission denied (publickey)." + GIVEN_UP, GitError, "token or key"),
    ("fatal: could not read Username for 'https://x': No such device", GitError, "token or key"),
    (NO_ACCESS + "The requested URL returned error: 403", GitError, "token or key"),
    ("Host key verification failed." + GIVEN_UP, GitError, "known_hosts"),
    ("fatal: repository 'https://x/' not found", GitError, "URL"),
    ("fatal: '/x' does not appear to be a git repository", GitError, "URL"),
    (NO_ACCESS + "SSL certificate problem: self-signed certificate", GitError, "certificate"),
    ("fatal: detected dubious ownership in repository at '/x'", GitError, "another user"),
    ("fatal: transport 'file' not allowed", GitError, "https"),
    ("fatal: something never heard of", GitError, "doctor"),
    (NO_ACCESS + "Could not resolve host: x", GitUnavailable, "next pass"),
    (NO_ACCESS + "The requested URL returned error: 503", GitUnavailable, "next pass"),
    (NO_ACCESS + "The requested URL returned error: 429", GitUnavailable, "next pass"),
    ("ssh: connect to host x port 22: Connection refused" + GIVEN_UP, GitUnavailable, "next pass"),
    ("error: RPC failed; curl 28 Operation too slow.", GitUnavailable, "next pass"),
    ("fatal: early EOF", GitUnavailable, "next pass"),
    ("fatal: the remote end hung up unexpectedly", GitUnavailable, "next pass"),
    ("fatal: write error: No space left on device", GitUnavailable, "space"),
    ("error: unable to write file /s/x: Read-only file system", GitUnavailable, "state directory"),
    ("fatal: Unable to create '/s/x.lock': Permission denied", GitUnavailable, "state directory"),
    ("fatal: Out of memory, malloc failed (tried to allocate 5 bytes)", GitUnavailable, "memory"),
    ("fatal: loose object 1 (stored in x) is corrupt", CloneDamaged, "anew"),
]


def test_of_what_git_says_the_advice_is_left_out_however_many_lines_it_has() -> None:
    advice = "Please make sure you have the correct access rights\nand the repository exists."
    said = f"fatal: '/x' does not appear to be a git repository{GIVEN_UP}\n\n{advice}\n"
    meant = translate(CommandFailed(["git"], 128, said.encode()), ACCESS, "fetch 'main'")
    assert meant.message.endswith("flows.git): '/x' does not appear to be a git repository")
    alone = translate(CommandFailed(["git"], 128, f"{GIVEN_UP}\n\n{advice}".encode()), ACCESS, "fetch 'main'")
    assert "Could not read from remote repository" in alone.message


@pytest.mark.parametrize(("said", "error", "hint"), SAID, ids=range(len(SAID)))
def test_what_git_says_decides_whether_another_try_may_help(
    said: str, error: type[Exception], hint: str
) -> None:
    meant = translate(CommandFailed(["git"], 128, said.encode()), ACCESS, "fetch 'main'")

    assert type(meant) is error
    assert meant.message.startswith("Could not fetch 'main'")
    assert hint in meant.hint


def test_a_timeout_is_for_later_and_a_missing_git_is_not() -> None:
    assert isinstance(translate(CommandFailed(["git"], None, b"", "timed out"), ACCESS, "x"), GitUnavailable)
    assert "signal 9" in str(translate(CommandFailed(["git"], -9, b""), ACCESS, "x"))
    missing = translate(CommandFailed(["git"], None, b"", "cannot be started: No such file"), ACCESS, "x")
    assert isinstance(missing, GitError)
    assert "Install git" in missing.hint


def test_what_the_server_writes_is_never_taken_for_damage_of_our_clone() -> None:
    assert not is_damage(CommandFailed(["git"], 1, b"remote: fatal: bad object, index is corrupt\n"))
    assert not is_damage(CommandFailed(["git"], None, b"corrupt", "timed out"))
    assert not is_damage(CommandFailed(["git"], -9, b"corrupt"))
    assert is_damage(CommandFailed(["git"], 128, b"fatal: bad object HEAD"))


def test_row_26_words_of_git_are_shown_without_secrets_and_controls() -> None:
    said = b"fatal: https://me:s3cret@host/x \x1b[31mAuthorization: Basic QWxhZGRpbjpvcGVu\r\xff"

    assert redact(said) == "fatal: https://*****@host/x  [31mAuthorization: Basic ***** \ufffd"


@pytest.mark.parametrize(
    ("summary", "race"),
    [
        ("[rejected] (fetch first)", True),
        ("[rejected] (non-fast-forward)", True),
        ("[rejected] (stale info)", True),
        ("[remote rejected] (cannot lock ref 'refs/heads/runs': is at 1 but expected 2)", True),
        ("[remote rejected] (failed to update ref)", True),
        ("[remote rejected] (incorrect old value provided)", True),
        ("[remote rejected] (pre-receive hook declined)", False),
        ("[remote rejected] (protected branch hook declined)", False),
        ("[remote rejected] (push declined due to repository rule violations)", False),
        ("[remote rejected] (shallow update not allowed)", False),
        ("[remote failure] (remote failed to report status)", False),
    ],
)
def test_a_lost_race_is_told_from_a_refusal(summary: str, race: bool) -> None:
    told = f"To https://x\n!\t{'1' * 40}:refs/heads/runs\t{summary}\nDone\n".encode()

    assert push.rejection(told) == summary
    assert push.is_race(summary) is race


def test_a_push_that_was_taken_has_no_rejection() -> None:
    assert push.rejection(b"To x\n \t1:refs/heads/runs\t1..2\nDone\n") is None
    assert push.rejection(b"") is None


def test_waiting_doubles_up_to_a_bound() -> None:
    assert [backoff.delay(n, 1.0) for n in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff.delay(10_000, 1.0) == 10.0


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_waiting_is_anything_from_nothing_to_the_bound(failures: int, chance: float) -> None:
    assert 0 <= backoff.delay(failures, chance) <= backoff.delay(failures, 1.0) <= 10


component = st.text(min_size=1, max_size=40)


@given(st.lists(component, min_size=1, max_size=4).map("/".join))
def test_row_06_a_path_that_is_not_refused_is_plain(path: str) -> None:
    if path_refusal(path):
        return
    for name in path.split("/"):
        assert name not in ("", ".", "..")
        assert name.lower() != ".git"
        assert name.isprintable()
    path.encode()


@given(
    st.dictionaries(
        component.filter(lambda name: not path_refusal(name)), st.binary(max_size=50), max_size=3
    ),
    st.text(max_size=200),
)
def test_row_18_the_stream_for_fast_import_is_counted_out(files: dict[str, bytes], message: str) -> None:
    """Read back as git reads it: by lengths, so that no content can be taken for a command."""
    commit = LedgerCommit(message, 5, files)
    stream = b"".join(fast_import.stream([commit], "1" * 40, Identity()))

    def line() -> bytes:
        nonlocal stream
        found, _, stream = stream.partition(b"\n")
        return found

    def counted() -> bytes:
        nonlocal stream
        size = int(line().removeprefix(b"data "))
        content, stream = stream[:size], stream[size + 1 :]
        return content

    assert [line() for _ in range(3)] == [b"feature done", b"reset refs/outgoing", b"from " + b"1" * 40]
    assert line() == b"commit refs/outgoing"
    assert line() == b"mark :1"
    who = b"Reconciler <reconciler@localhost> 5 +0000"
    assert [line(), line()] == [b"author " + who, b"committer " + who]
    assert counted() == message.replace("\0", "\ufffd").encode("utf-8", "replace")
    for path, content in sorted(files.items()):
        assert line() == b'M 100644 inline "' + path.replace('"', '\\"').encode() + b'"'
        assert counted() == content
    assert stream == b"get-mark :1\ndone\n"


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50), st.integers(0, 300))
def test_objects_are_read_from_chunks_of_any_size(contents: list[bytes], size: int, limit: int) -> None:
    told = b"".join(b"%040d blob %d\n%s\n" % (n, len(c), c) for n, c in enumerate(contents))
    told += b"f" * 40 + b" missing\n" + b"e" * 40 + b" tree 3\nabc\n"
    chunks = [told[start : start + size] for start in range(0, len(told), size)]

    assert list(answers(iter(chunks), limit)) == [
        *(Answer(f"{n:040}", c if len(c) <= limit else None) for n, c in enumerate(contents)),
        Answer("f" * 40, None, missing=True),
        Answer("e" * 40, None),
    ]
