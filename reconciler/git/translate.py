"""What git said, as our errors: which of them a later try may cure, and what to do about the rest.

The one place where a failure of git becomes an exception of ours. Imported when something has failed,
never before. Whatever git printed is shown without credentials and control characters.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NamedTuple

from reconciler.errors import GitError, GitUnavailable, PermanentError, TransientError
from reconciler.git.access import GitAccess, basic_credentials, read_token
from reconciler.git.process import CommandFailed

_LONGEST = 600
_FILLING = (
    "warning:",
    "From ",
    "To ",
    "Could not read from remote repository.",
    "Please make sure",
    "and the repository exists.",
)
"""How lines begin that say why only if no other line does."""


class CloneDamaged(GitUnavailable):
    """Our own copy is broken or was tampered with; it is deleted, and the next use clones anew."""


# Not compiled here: hardly any process ever needs them.
_DAMAGE = (
    r"bad (object|config|tree object|revision)|corrupt|object file .* is empty|inflate:|unresolved deltas"
    r"|(sha1|hash) mismatch|unable to (unpack|parse|read (tree|sha1|object))|cannot be accessed"
    r"|not a git repository: |did not send all necessary objects|not a (tree|valid) object|invalid object"
    r"|could not (read|parse) (object|commit|tree|[0-9a-f]{40})|missing (blob|tree)|reference broken"
    r"|failed to (read|traverse) (object|parents|tree)|\.lock': file exists|invalid sha1 pointer"
    r"|index file .* is too small|cannot lock ref|could not fetch .* from promisor"
)
_NOT_DAMAGE = (
    r"no space left|disk quota|permission|read-only file system|out of memory|cannot fork|remote: "
    r"|unable to create thread|too many open files|resource temporarily"
)


def is_damage(failure: CommandFailed) -> bool:
    """Whether git could not use its own directory, rather than the remote."""
    return _may_be_damage(failure) and _says(failure, _DAMAGE)


def _may_be_damage(failure: CommandFailed) -> bool:
    ended_by_itself = failure.code is not None and failure.code >= 0
    return ended_by_itself and not _says(failure, _NOT_DAMAGE)


def _says(failure: CommandFailed, pattern: str) -> bool:
    return bool(re.search(pattern, failure.stderr.decode("utf-8", "replace"), re.IGNORECASE))


def of_local_use(failure: CommandFailed, doing: str) -> TransientError | PermanentError:
    """The error for a command that needs nothing but our clone: it fails when the clone is damaged."""
    return _damaged(failure, doing) if _may_be_damage(failure) else translate(failure, None, doing)


def _damaged(failure: CommandFailed, doing: str) -> CloneDamaged:
    return CloneDamaged(
        f"Could not {doing}: our clone is damaged ({_telling(redact(failure.stderr))}).",
        hint="It is only a copy, and the next pass makes it anew.",
    )


class _Sign(NamedTuple):
    """Words of git that mean the same thing, and what a person can do then."""

    pattern: str
    error: type[PermanentError] | type[TransientError]
    hint: str


# Order matters: ssh ends every failure with "Could not read from remote repository", so what is
# permanent is looked for first.
_SIGNS = (
    _Sign(
        r"no space left|disk quota|insufficient permission|read-only file system"
        r"|(unable to|cannot) (create|write|open|lock) .*: permission denied",
        GitUnavailable,
        "Check the free space, the owner and the rights of the state directory.",
    ),
    _Sign(
        r"out of memory|cannot fork|unable to create thread|too many open files|resource temporarily",
        GitUnavailable,
        "The machine is short of memory, processes or files; the next pass tries again.",
    ),
    _Sign(
        r"host key verification failed|host identification has changed|no \S+ host key is known",
        GitError,
        "The server's host key is not the one in known_hosts: compare it with what the host publishes.",
    ),
    _Sign(
        r"permission denied|authentication failed|could not read (username|password)|access denied"
        r"|returned error: 40[13]|invalid credentials|terminal prompts disabled|no user exists for uid",
        GitError,
        "Check that the token or key is valid and may read (for the ledger: write) this repository.",
    ),
    _Sign(
        r"protected branch|hook declined|gh006|gh013|deny(ing|current)|currently checked out|file size limit",
        GitError,
        "A rule of the server refuses the push: allow it for this identity, or choose another branch.",
    ),
    _Sign(
        r"returned error: (429|5\d\d)|could not resolve host|temporary failure in name|network is unreachable"
        r"|connection (refused|timed out|reset|closed)|timed out|operation too slow|failed to connect"
        r"|couldn't connect|no route to host|early eof|kex_exchange_identification|empty reply",
        GitUnavailable,
        "The remote does not answer now; the next pass tries again.",
    ),
    _Sign(
        r"dubious ownership",
        GitError,
        "The repository belongs to another user: give it to this one, or use an https or ssh URL.",
    ),
    _Sign(
        r"repository .*not found|does not appear to be a git repository|returned error: 404"
        r"|not a git repository|no such file or directory",
        GitError,
        "Check the repository URL, and that the token or key may see the repository.",
    ),
    _Sign(
        r"certificate|\bssl\b",
        GitError,
        "Name the certificate authority's file in the settings; verification cannot be switched off.",
    ),
    _Sign(
        r"redirect|returned error: 30\d",
        GitError,
        "The server sends elsewhere, and redirects are not followed: set the final URL.",
    ),
    _Sign(r"transport '.*' not allowed", GitError, "Use https://, ssh:// or an absolute path."),
    _Sign(
        r"fsck error|error in object|badtree|refusing to (accept|create)",
        GitError,
        "The remote holds a malformed object: `git fsck` in a clone names it.",
    ),
    _Sign(
        r"hung up unexpectedly|rpc failed|could not read from remote",
        GitUnavailable,
        "The remote ended the connection; the next pass tries again.",
    ),
)


def translate(
    failure: CommandFailed, access: GitAccess | None, doing: str
) -> TransientError | PermanentError:
    """The error of ours that `failure` means; `doing` completes "Could not ...": "fetch main"."""
    place = f" ({access.url})" if access else ""
    said = redact(failure.stderr, access)
    if is_damage(failure):
        return _damaged(failure, doing)
    if failure.code is None or failure.code < 0:
        return _not_waited_for(failure, f"Could not {doing}{place}")
    sign = next((sign for sign in _SIGNS if re.search(sign.pattern, said, re.IGNORECASE)), None)
    message = f"Could not {doing}{place}: {_telling(said) or f'git ended with {failure.code}'}"
    if sign is None:
        return GitError(message, hint="Git said no more than this; `reconciler doctor` checks the access.")
    return sign.error(message, hint=sign.hint)


def refusal(failure: CommandFailed, access: GitAccess, doing: str, reason: str) -> GitError:
    """The error for a push that the server turned down by a rule of its own; `reason` as git put it."""
    said = "; ".join(part for part in (reason, _telling(redact(failure.stderr, access))) if part)
    hint = "A rule of the server refuses it: allow it for this identity, or choose another branch."
    return GitError(f"Could not {doing} ({access.url}): {said}", hint=hint)


def unsignable(failure: CommandFailed, key: str) -> GitError:
    """The error for a commit that could not be signed."""
    return GitError(
        f"Could not sign a commit with '{key}': {_telling(redact(failure.stderr))}",
        hint="It must be a private SSH key without a passphrase that only this user can read.",
    )


def _not_waited_for(failure: CommandFailed, what: str) -> TransientError | PermanentError:
    if failure.why.startswith("cannot be started"):
        return GitError(f"{what}: git {failure.why}.", hint="Install git 2.39 or later, and put it on PATH.")
    why = f"was ended by signal {-failure.code}" if failure.code else f"{failure.why} and was ended"
    return GitUnavailable(
        f"{what}: git {why}.",
        hint="The next pass tries again; or raise the git timeout.",
    )


def redact(stderr: bytes, access: GitAccess | None = None) -> str:
    """Git's words as one printable text, without the token and without credentials in URLs."""
    text = stderr.decode("utf-8", "replace")
    if access and access.has_token:
        with suppress(GitError, GitUnavailable):
            for secret in (read_token(access), basic_credentials(access)):
                text = text.replace(secret, "*****")
    text = re.sub(r"(://)[^/@\s]+@", r"\1*****@", text)
    text = re.sub(r"(?i)\b(basic|bearer|token)\s+[\w+/=.~-]{8,}", r"\1 *****", text)
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _telling(said: str) -> str:
    """The lines that say why, as one: without progress, advice, banners and repeated prefixes."""
    lines = [line.strip() for line in said.splitlines()]
    kept = [
        re.sub(r"^(fatal|error|remote): *", "", line)
        for line in lines
        if line and not line.startswith(("hint:", "@"))
    ]
    telling = [line for line in kept if not line.startswith(_FILLING)]
    # The last line is the one that tells what became of it all.
    return "; ".join(dict.fromkeys(telling or kept))[-_LONGEST:]
