"""What every git process of ours is told, so that nothing in a repository can change what it does.

Pure values: an environment and an argument list, made from the operator's settings alone, with nothing
but `os` imported (see `access`).

The whole environment is ours: no variable of the caller passes through except those that say where
programs, proxies and certificates are. Configuration of the system and of the person is off; ours goes
in by `GIT_CONFIG_COUNT`, which beats any file and, unlike `-c`, is not to be seen in `ps`.
"""

from __future__ import annotations

import os

from reconciler.git.access import basic_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.git.access import GitAccess

_INHERITED = (
    "PATH",
    "TMPDIR",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

_BASE = {
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_DEFAULT_REF_FORMAT": "files",
}

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "core.attributesFile": "/dev/null",
    "core.fsync": "none",  # a clone is a cache; the remote is the durable copy
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "45",
    "http.sslVerify": "true",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "push.recurseSubmodules": "no",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
    "transfer.fsckObjects": "true",
}

# Flaws of names and modes are reported file by file when a tree is read. As errors of the transfer they
# would let one hostile or ancient commit stop every workflow of the repository. Git takes these exceptions
# in a whole fetch only; in a filtered one they are all or nothing, see `unchecked`.
_JUDGED_PER_FILE = """
    badDate badDateOverflow badEmail badName badTimezone duplicateEntries gitattributesBlob
    gitattributesLarge gitattributesLineLength gitattributesMissing gitmodulesBlob gitmodulesLarge
    gitmodulesMissing gitmodulesName gitmodulesPath gitmodulesSymlink gitmodulesUpdate gitmodulesUrl
    hasDot hasDotdot hasDotgit missingEmail missingNameBeforeEmail missingSpaceBeforeDate
    missingSpaceBeforeEmail nullSha1 zeroPaddedDate zeroPaddedFilemode
"""
_CONFIG.update({f"fetch.fsck.{flaw}": "warn" for flaw in _JUDGED_PER_FILE.split()})


def environment(access: GitAccess | None = None, config: dict[str, str] | None = None) -> dict[str, str]:
    """The whole environment of one git process: with `access` it may reach that remote, else none."""
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env.update(_BASE)
    settings = {**_CONFIG, **(config or {})}
    env["GIT_ALLOW_PROTOCOL"] = access.protocol if access else "none"
    if access:
        settings.update(_remote_settings(access))
        if access.protocol == "ssh":
            env["GIT_SSH_COMMAND"] = _ssh_command(access)
    env["GIT_CONFIG_COUNT"] = str(len(settings))
    for index, (key, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{index}"] = key
        env[f"GIT_CONFIG_VALUE_{index}"] = value
    return env


def fetch_argv(directory: str, refspec: str) -> list[str]:
    """Bring what one refspec names into the bare clone at `directory`; nothing else."""
    return [
        "git",
        f"--git-dir={directory}",
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-auto-maintenance",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--end-of-options",
        "origin",
        refspec,
    ]


def filtering(limit: int) -> dict[str, str]:
    """Leave larger blobs with the remote. Said for the fetch alone: reading knows no remote at all."""
    return {"remote.origin.promisor": "true", "remote.origin.partialclonefilter": f"blob:limit={limit}"}


def is_judged_per_file(stderr: bytes) -> bool:
    """Whether a transfer was stopped by a flaw that `tree` would report for the one file that has it."""
    return any(f": {flaw}: ".encode("ascii") in stderr for flaw in _JUDGED_PER_FILE.split())


def unchecked(config: dict[str, str]) -> dict[str, str]:
    """The same settings for a transfer whose objects git shall not judge."""
    return {**config, "transfer.fsckObjects": "false"}


def clone_config(access: GitAccess) -> str:
    """The only content that the `config` of a clone of ours may have."""
    url = access.url.replace("\\", "\\\\").replace('"', '\\"')
    return (
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
        f'[remote "origin"]\n\turl = "{url}"\n\tfetch = "+{access.ref}:{access.ref}"\n'
    )


def _remote_settings(access: GitAccess) -> dict[str, str]:
    settings = {}
    if access.ca_file:
        settings["http.sslCAInfo"] = access.ca_file
    if access.has_token and access.protocol in ("https", "http"):
        # Sent with the first request, and to this host only; an askpass script would need an executable
        # file and a second request.
        scheme, _, rest = access.url.partition("://")
        place = f"{scheme}://{rest.partition('/')[0]}/"
        settings[f"http.{place}.extraHeader"] = f"Authorization: Basic {basic_credentials(access)}"
    return settings


def _ssh_command(access: GitAccess) -> str:
    options = (
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=yes",
        f'UserKnownHostsFile="{access.known_hosts}"',
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "ControlPath=none",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "PermitLocalCommand=no",
        "ConnectTimeout=10",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=2",
    )
    words = ["ssh", "-F", "/dev/null", *(word for option in options for word in ("-o", option))]
    return " ".join(_shell_word(word) for word in (*words, "-i", str(access.ssh_key)))


def _shell_word(word: str) -> str:
    """Quoted for the shell that git hands GIT_SSH_COMMAND to (`shlex` would import `re`)."""
    return "'" + word.replace("'", "'\\''") + "'"
