"""Settings of what a pass reaches: git, the store, the executor; each with its default and what it means.

Flags, variables, the settings file, `doctor`, docs/settings.md and docs/reconciler.example.yaml are all
made from these classes.
"""

from __future__ import annotations

from reconciler.settings.about import Group, setting
from reconciler.settings.values import (
    BOOLEAN,
    DURATION,
    LIST,
    LOCATION,
    PATH,
    SECRET,
    TEXT,
    choice,
    integer,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.settings.values import Secret


class Repository(Group):
    """Where the workflows come from."""

    url: str = setting(
        LOCATION,
        "The repository with the workflows.",
        default="",
        example="https://git.example.com/team/flows.git",
    )
    branch: str = setting(
        TEXT, "The branch whose definitions are carried out.", default="main", example="main"
    )
    path: str = setting(TEXT, "The folder of the definitions.", default="workflows", example="workflows")
    username: str = setting(
        TEXT, "The name that goes with the token, over https.", default="x-access-token", example="oauth2"
    )
    token_file: str = setting(
        PATH,
        "A file with the access token or password for https; read anew by each pass.",
        default="",
        example="/run/secrets/git-token",
    )
    github_app: str = setting(
        TEXT,
        "The id of a GitHub App that is installed on the repository, instead of a token.",
        default="",
        example="123456",
    )
    github_installation: str = setting(TEXT, "The id of its installation.", default="", example="7654321")
    github_key_file: str = setting(
        PATH, "A file with its private key (PEM).", default="", example="/run/secrets/app.pem"
    )
    github_url: str = setting(
        TEXT,
        "The address of the API, where it is an Enterprise server.",
        default="https://api.github.com",
        example="https://github.example.com/api/v3",
    )
    ssh_key: str = setting(PATH, "A private key for ssh.", default="", example="/run/secrets/id_ed25519")
    known_hosts: str = setting(
        PATH,
        "The host keys that are trusted; ssh needs it.",
        default="",
        example="/etc/reconciler/known_hosts",
    )
    ca_file: str = setting(
        PATH,
        "The certificate authority of the host, where it is not a public one.",
        default="",
        example="/etc/reconciler/ca.pem",
    )
    plain_http: bool = setting(
        BOOLEAN,
        "Allow http:// without TLS, which shows the token to the network.",
        default=False,
        example="false",
    )
    verify_signers: str = setting(
        PATH,
        "An allowed-signers file. When set, only a revision signed by one of them is carried out.",
        default="",
        example="/etc/reconciler/allowed_signers",
    )


class Ledger(Group):
    """Where finished runs are committed."""

    url: str = setting(
        LOCATION,
        "The repository that takes the run history.",
        default="",
        example="https://git.example.com/team/flows-runs.git",
        otherwise="repository.url",
    )
    branch: str = setting(
        TEXT,
        "The branch that takes the run history; any branch will do, files of others in it stay as they are.",
        default="runs",
        example="runs",
    )
    username: str = setting(
        TEXT,
        "The name that goes with the token.",
        default="",
        example="oauth2",
        otherwise="repository.username",
    )
    token_file: str = setting(
        PATH,
        "A file with a token that may push.",
        default="",
        example="/run/secrets/git-push-token",
        otherwise="repository.token_file, when ledger.url is not set",
    )
    ssh_key: str = setting(
        PATH,
        "A private key that may push.",
        default="",
        example="/run/secrets/id_push",
        otherwise="repository.ssh_key, when ledger.url is not set",
    )
    known_hosts: str = setting(
        PATH,
        "The host keys that are trusted.",
        default="",
        example="/etc/reconciler/known_hosts",
        otherwise="repository.known_hosts",
    )
    ca_file: str = setting(
        PATH,
        "The certificate authority of the host.",
        default="",
        example="/etc/reconciler/ca.pem",
        otherwise="repository.ca_file",
    )
    plain_http: bool = setting(
        BOOLEAN,
        "Allow http:// without TLS.",
        default=False,
        example="false",
        otherwise="repository.plain_http, when ledger.url is not set",
    )
    author_name: str = setting(TEXT, "The author of the commits.", default="Reconciler", example="Reconciler")
    author_email: str = setting(
        TEXT, "The author's address.", default="reconciler@localhost", example="reconciler@example.com"
    )
    signing_key: str = setting(
        PATH,
        "A private ssh key; commits are signed with it.",
        default="",
        example="/run/secrets/signing_key",
    )


class Store(Group):
    """Where artifacts and logs are kept."""

    url: str = setting(
        TEXT,
        "A directory as `file:///path`, or a bucket as `s3://bucket/prefix`.",
        default="",
        example="s3://artifacts/reconciler",
        otherwise="file://<state.directory>/artifacts",
    )
    endpoint: str = setting(
        TEXT,
        "Host and port of the S3 server.",
        default="",
        example="minio.example.com:9000",
        otherwise="s3.amazonaws.com",
    )
    region: str = setting(
        TEXT, "The region of the bucket.", default="", example="eu-central-1", otherwise="us-east-1"
    )
    secure: bool = setting(BOOLEAN, "Whether to speak TLS to the S3 server.", default=True, example="true")
    access_key: Secret | None = setting(SECRET, "The access key; in the environment only.", default=None)
    access_key_file: str = setting(
        PATH, "A file with the access key.", default="", example="/run/secrets/s3/access-key"
    )
    secret_key: Secret | None = setting(SECRET, "The secret key; in the environment only.", default=None)
    secret_key_file: str = setting(
        PATH, "A file with the secret key.", default="", example="/run/secrets/s3/secret-key"
    )
    public_url: str = setting(
        TEXT,
        "Where people open artifacts: an address with `{bucket}` and `{key}` in it; the ledger links to it.",
        default="",
        example="https://artifacts.example.com/{bucket}/{key}",
        otherwise="s3://bucket/key",
    )


class Executor(Group):
    """Where and how steps run."""

    name: str = setting(choice("local", "kubernetes"), "Where steps run.", default="local", example="local")
    slots: int = setting(
        integer(1),
        "How many steps may run at once.",
        default=0,
        example="8",
        otherwise="twice the number of processors; 1000 in a cluster",
    )
    isolation: str = setting(
        choice("auto", "bubblewrap", "none"),
        "A private view of the file system per step; `auto` takes bubblewrap where it is installed.",
        default="auto",
        example="bubblewrap",
    )
    images: str = setting(
        choice("none", "auto", "podman", "docker"),
        "What runs the `image` of a step; `none`: the command runs on the host, and the run says so.",
        default="none",
        example="podman",
    )
    network: bool = setting(BOOLEAN, "Whether steps may use the network.", default=True, example="false")
    path: str = setting(
        TEXT,
        "The PATH of steps.",
        default="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        example="/usr/local/bin:/usr/bin:/bin",
    )
    grace: float = setting(
        DURATION, "The time between asking a step to end and ending it.", default=10.0, example="10s"
    )
    patience: float = setting(
        DURATION,
        "How long a step's files are tried to be fetched or stored while the store does not answer.",
        default=60.0,
        example="5m",
    )
    hide: tuple[str, ...] = setting(
        LIST,
        "Paths that steps cannot see, besides the state directory and every file named here (bubblewrap).",
        default=(),
        example="/etc/reconciler,/srv/private",
    )
    secrets: str = setting(
        PATH, "The secrets of steps, as files `<name>/<key>`.", default="", example="/etc/reconciler/secrets"
    )
