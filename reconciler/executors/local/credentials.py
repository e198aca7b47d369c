"""Where credentials usually lie: what steps behind bubblewrap cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_IN_HOME = """
    .aws .azure .bash_history .boto .cache/huggingface/token .config/containers .config/gcloud .config/gh
    .config/git/credentials .config/glab-cli .config/op .config/rclone .config/reconciler .config/sops
    .databricks .docker .git-credentials .gnupg .huggingface .kaggle .kube .local/share/keyrings .mc .my.cnf
    .netrc .npmrc .password-store .pgpass .pypirc .python_history .s3cfg .ssh .terraform.d .vault-token
    .zsh_history
"""
_OF_MACHINE = """
    /etc/gshadow /etc/krb5.keytab /etc/kubernetes /etc/rancher /etc/shadow /etc/ssh /etc/sudoers
    /etc/sudoers.d /run/containerd /run/crio /run/dbus /run/docker.sock /run/podman /run/secrets
    /run/snapd.socket /run/systemd/private /run/user /var/lib/containers /var/lib/docker /var/lib/kubelet
    /var/run/secrets
"""
# The sockets are no credentials, but as good: who may speak to them can start processes outside.


def usual_places(home: Path) -> Iterator[Path]:
    """Whether they exist or not."""
    yield from (home / name for name in _IN_HOME.split())
    yield from (Path(name) for name in _OF_MACHINE.split())
