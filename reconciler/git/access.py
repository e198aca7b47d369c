"""How to reach a remote: the operator's word, checked once where it comes in.

Like `safety`, kept to `os`: a pass that finds nothing to do builds this value too, and `typing`,
`dataclasses` or `re` would cost it more than the fetch itself. Hence a value class by hand, and checks by
string methods.
"""

from __future__ import annotations

import os

from reconciler.errors import GitError, SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class GitHubApp:
    """An App of GitHub, by whose tokens a repository is reached: its id, that of its installation, the file
    with its private key, and the address of the API."""

    __slots__ = ("app", "installation", "key_file", "url")

    def __init__(self, app: str, installation: str, key_file: str, url: str) -> None:
        self.app = app
        self.installation = installation
        self.key_file = key_file
        self.url = url

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.app, self.installation, self.key_file, self.url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GitHubApp) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


class GitAccess:
    """How to reach one branch of one remote: the operator's word, checked here once, never changed.

    `url` is https://, ssh:// (or user@host:path), or an absolute local path; http:// only with
    `plain_http`, because it shows the token to the network. `token_file` is read again at every use, so
    that a rotated token counts at once. ssh needs `ssh_key` and `known_hosts`. `signing_key` is a private
    SSH key for the commits we write. `timeout` in seconds bounds how long one git process is waited for.
    """

    __slots__ = (
        "app",
        "branch",
        "ca_file",
        "known_hosts",
        "plain_http",
        "protocol",
        "signing_key",
        "ssh_key",
        "timeout",
        "token_file",
        "url",
        "username",
    )
    url: str
    branch: str
    protocol: str
    token_file: str | None
    username: str
    ssh_key: str | None
    known_hosts: str | None
    ca_file: str | None
    signing_key: str | None
    plain_http: bool
    timeout: float
    app: GitHubApp | None

    def __init__(
        self,
        url: str,
        branch: str,
        *,
        token_file: str | os.PathLike[str] | None = None,
        username: str = "x-access-token",
        ssh_key: str | os.PathLike[str] | None = None,
        known_hosts: str | os.PathLike[str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        signing_key: str | os.PathLike[str] | None = None,
        plain_http: bool = False,
        timeout: float = 120.0,
        app: GitHubApp | None = None,
    ) -> None:
        protocol = protocol_of(url, plain_http=plain_http)
        if protocol == "ssh" and not (ssh_key and known_hosts):
            raise SettingsError(
                f"'{url}' needs an SSH key and a known_hosts file.",
                hint="Set both; `ssh-keyscan` prints host keys: compare them with what the host publishes.",
            )
        values: dict[str, Any] = {
            "url": url,
            "branch": checked_branch(branch),
            "protocol": protocol,
            "token_file": _path(token_file),
            "username": _line(username, "user name"),
            "ssh_key": _path(ssh_key),
            "known_hosts": _path(known_hosts),
            "ca_file": _path(ca_file),
            "signing_key": _path(signing_key),
            "plain_http": plain_http,
            "timeout": timeout,
            "app": app,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"GitAccess is frozen: {name} cannot be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GitAccess) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"GitAccess({self.url!r}, {self.branch!r})"

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    @property
    def has_token(self) -> bool:
        return bool(self.token_file or self.app)

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.branch}"


def protocol_of(url: str, *, plain_http: bool = False) -> str:
    """The one protocol git may speak for this URL; SettingsError for a URL we do not take."""
    if url.startswith("/"):
        if not url.isprintable():
            raise SettingsError(f"The repository path {url!r} holds a control character.")
        return "file"
    scheme, found, rest = url.partition("://")
    if not found:
        scheme, rest = "ssh", _scp_form(url)
    if scheme not in ("https", "ssh", "file") and not (scheme == "http" and plain_http):
        raise SettingsError(
            f"Repository URLs that begin with '{scheme}://' are not allowed.",
            hint="Use https://, ssh:// or an absolute path; plain http:// has a switch of its own.",
        )
    _check_place(scheme, rest)
    return scheme


def _scp_form(url: str) -> str:
    host, colon, path = url.partition(":")
    if not colon or not path or "/" in host or path.startswith(":"):
        raise SettingsError(
            f"'{url}' is not a repository URL.",
            hint="Use https://, ssh://, user@host:path or an absolute path.",
        )
    return f"{host}/{path}"


def _check_place(scheme: str, rest: str) -> None:
    authority, _, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not all("!" <= character <= "~" for character in rest) or "\\" in rest or not path:
        raise SettingsError(
            "The repository URL must be printable ASCII without spaces, with a host and a path."
        )
    if at and (scheme != "ssh" or ":" in user or not user[:1].isalnum()):
        raise SettingsError(
            "The repository URL must not hold a user name or a password.",
            hint="Put the token into a file and name that file in the settings.",
        )
    if scheme != "file" and not (host[:1].isalnum() or host[:1] == "["):
        raise SettingsError("The host of the repository URL must begin with a letter or a digit.")


def checked_branch(name: str) -> str:
    """`name` if git and we take it as a branch; narrower than `git check-ref-format`, on purpose."""
    allowed = all(c.isascii() and (c.isalnum() or c in "._/-") for c in name)
    parts = name.split("/")
    sound = all(part and part[0] not in ".-" and not part.endswith((".lock", ".")) for part in parts)
    if not (allowed and sound and 0 < len(name) <= 200 and ".." not in name and name[0].isalnum()):
        raise SettingsError(
            f"{name!r} is not a branch name.",
            hint="Letters, digits and ._/- only, beginning with a letter or a digit; no '..', no '.lock'.",
        )
    return name


def _path(path: str | os.PathLike[str] | None) -> str | None:
    """Absolute, and without the characters that ssh would expand."""
    if not path:
        return None
    text = os.path.abspath(os.fspath(path))  # noqa: PTH100  (pathlib is not for this module)
    if not text.isprintable() or any(character in text for character in '"%'):
        raise SettingsError(
            f"The path {text!r} holds a character that git or ssh would take for something else."
        )
    return text


def _line(text: str, what: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or ":" in text:
        raise SettingsError(f"{text!r} is not a {what}.")
    return text


def basic_credentials(access: GitAccess) -> str:
    """`user:token` in base64, from the token file as it is now."""
    from binascii import b2a_base64

    return b2a_base64(f"{access.username}:{read_token(access)}".encode(), newline=False).decode("ascii")


def read_token(access: GitAccess) -> str:
    if access.app is not None:
        from reconciler.git import github_app  # brings cryptography

        return github_app.token(access.app, access.timeout)
    path = access.token_file or ""
    try:
        with open(path, encoding="ascii") as file:
            token = file.read(16_384).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
        raise GitError(
            f"Cannot read the token file '{path}': {reason}.",
            hint="Check that the secret is mounted and readable by this user.",
        ) from error
    if not token or not token.isprintable() or " " in token:
        raise GitError(
            f"The token file '{path}' does not hold one token.", hint="It must be one line without spaces."
        )
    return token


def is_object_id(text: str) -> bool:
    """A full object id, SHA-1 or SHA-256, as git prints it."""
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
