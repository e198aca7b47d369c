"""The branches of workflows and of results: where our clones of them lie, and how the remotes are reached.

Every pass comes here, also one with nothing to do; so only what needs no more than `os` is imported.
"""

from __future__ import annotations

from reconciler.git.access import GitAccess, GitHubApp
from reconciler.settings import Ledger, Repository, Settings


def source_directory(settings: Settings) -> str:
    return f"{settings.own_directory}/source.git"


def ledger_directory(settings: Settings) -> str:
    return f"{settings.own_directory}/ledger.git"


def source_access(settings: Settings) -> GitAccess:
    """How the workflows are read."""
    return _git_access(settings.repository, settings.limits.git_timeout, app=_github_app(settings))


def ledger_access(settings: Settings) -> GitAccess:
    """How run results are written: often with another credential than workflows are read with."""
    ledger, timeout = settings.ledger, settings.limits.git_timeout
    is_shared = ledger.url == settings.repository.url and not (ledger.token_file or ledger.ssh_key)
    app = _github_app(settings) if is_shared else None
    return _git_access(ledger, timeout, ledger.signing_key, app)


def _github_app(settings: Settings) -> GitHubApp | None:
    """The App by which the repository is reached, where the settings name one."""
    group = settings.repository
    if not group.github_app:
        return None
    return GitHubApp(group.github_app, group.github_installation, group.github_key_file, group.github_url)


def _git_access(
    group: Repository | Ledger, timeout: float, signing_key: str = "", app: GitHubApp | None = None
) -> GitAccess:
    """How a branch is reached; both groups of settings use the same words."""
    return GitAccess(
        group.url,
        group.branch,
        token_file=group.token_file,
        username=group.username,
        ssh_key=group.ssh_key,
        known_hosts=group.known_hosts,
        ca_file=group.ca_file,
        plain_http=group.plain_http,
        signing_key=signing_key,
        timeout=timeout,
        app=app,
    )
