"""Every setting there is: the groups, each setting's default, and the sentence that explains it.

These classes are the one table of settings: flags, variables, the settings file, `doctor`,
docs/settings.md and docs/reconciler.example.yaml are made from it. (No `slots`: they would double the
time it takes to make a class, for one instance each.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from reconciler.settings.about import About, optional, setting
from reconciler.settings.values import (
    BOOLEAN,
    DURATION,
    LIST,
    LOCATION,
    PATH,
    SECRET,
    SIZE,
    TEXT,
    Secret,
    choice,
    integer,
)


@dataclass(frozen=True)
class Repository:
    """Where the workflows come from."""

    url: str = setting(
        "", LOCATION, "The repository with the workflows.", example="https://git.example.com/team/flows.git"
    )
    branch: str = setting("main", TEXT, "The branch whose definitions are carried out.", example="main")
    path: str = setting("workflows", TEXT, "The folder of the definitions.", example="workflows")
    username: str = setting(
        "x-access-token", TEXT, "The name that goes with the token, over https.", example="oauth2"
    )
    token_file: Path | None = optional(
        PATH,
        "A file with the access token or password for https; read anew by each pass.",
        example="/run/secrets/git-token",
    )
    ssh_key: Path | None = optional(PATH, "A private key for ssh.", example="/run/secrets/id_ed25519")
    known_hosts: Path | None = optional(
        PATH, "The host keys that are trusted; ssh needs it.", example="/etc/reconciler/known_hosts"
    )
    verify_signers: Path | None = optional(
        PATH,
        "An allowed-signers file. When set, only a revision signed by one of them is carried out.",
        example="/etc/reconciler/allowed_signers",
    )


@dataclass(frozen=True)
class Ledger:
    """Where finished runs are committed."""

    url: str = setting(
        "",
        LOCATION,
        "The repository that takes the run history.",
        example="https://git.example.com/team/flows-runs.git",
        default="repository.url",
    )
    branch: str = setting("runs", TEXT, "The branch that takes the run history.", example="runs")
    username: str = setting(
        "", TEXT, "The name that goes with the token.", example="oauth2", default="repository.username"
    )
    token_file: Path | None = optional(
        PATH,
        "A file with a token that may push.",
        example="/run/secrets/git-push-token",
        default="repository.token_file, when ledger.url is not set",
    )
    ssh_key: Path | None = optional(
        PATH,
        "A private key that may push.",
        example="/run/secrets/id_push",
        default="repository.ssh_key, when ledger.url is not set",
    )
    known_hosts: Path | None = optional(
        PATH,
        "The host keys that are trusted.",
        example="/etc/reconciler/known_hosts",
        default="repository.known_hosts",
    )
    author_name: str = setting("Reconciler", TEXT, "The author of the commits.", example="Reconciler")
    author_email: str = setting(
        "reconciler@localhost", TEXT, "The author's address.", example="reconciler@example.com"
    )
    signing_key: Path | None = optional(
        PATH, "A private ssh key; commits are signed with it.", example="/run/secrets/signing_key"
    )


@dataclass(frozen=True)
class Store:
    """Where artifacts and logs are kept."""

    url: str = setting(
        "",
        TEXT,
        "A directory as `file:///path`, or a bucket as `s3://bucket/prefix`.",
        example="s3://artifacts/reconciler",
        default="file://<state.directory>/artifacts",
    )
    endpoint: str = setting(
        "",
        TEXT,
        "Host and port of the S3 server.",
        example="minio.example.com:9000",
        default="s3.amazonaws.com",
    )
    region: str = setting("", TEXT, "The region of the bucket.", example="eu-central-1", default="us-east-1")
    secure: bool = setting(True, BOOLEAN, "Whether to speak TLS to the S3 server.", example="true")
    access_key: Secret | None = optional(SECRET, "The access key; in the environment only.")
    access_key_file: Path | None = optional(
        PATH, "A file with the access key.", example="/run/secrets/s3/access-key"
    )
    secret_key: Secret | None = optional(SECRET, "The secret key; in the environment only.")
    secret_key_file: Path | None = optional(
        PATH, "A file with the secret key.", example="/run/secrets/s3/secret-key"
    )
    public_url: str = setting(
        "",
        TEXT,
        "Where people open artifacts; links in the ledger start with it.",
        example="https://artifacts.example.com/reconciler",
        default="store.url, or the bucket's own address",
    )


@dataclass(frozen=True)
class State:
    """What a pass remembers: a cache, which `reconciler rebuild` makes anew."""

    directory: Path = setting(
        Path(),
        PATH,
        "Database, lock, clone and working directories of steps.",
        example="/var/lib/reconciler",
        default="${XDG_STATE_HOME:-~/.local/state}/reconciler",
    )


@dataclass(frozen=True)
class Executor:
    """Where and how steps run."""

    name: str = setting("local", choice("local"), "Where steps run.", example="local")
    slots: int = setting(
        0,
        integer(1),
        "How many steps may run at once.",
        example="8",
        default="twice the number of processors",
    )
    isolation: str = setting(
        "auto",
        choice("auto", "bubblewrap", "none"),
        "A private view of the file system per step; `auto` takes bubblewrap where it is installed.",
        example="bubblewrap",
    )
    images: str = setting(
        "none",
        choice("none", "auto", "podman", "docker"),
        "What runs the `image` of a step; `none`: the command runs on the host, and the run says so.",
        example="podman",
    )
    network: bool = setting(True, BOOLEAN, "Whether steps may use the network.", example="false")
    path: str = setting(
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        TEXT,
        "The PATH of steps.",
        example="/usr/local/bin:/usr/bin:/bin",
    )
    grace: float = setting(
        10.0, DURATION, "The time between asking a step to end and ending it.", example="10s"
    )
    hide: tuple[str, ...] = setting(
        (),
        LIST,
        "Paths that steps cannot see, besides the state directory and every file named here (bubblewrap).",
        example="/etc/reconciler,/srv/private",
    )


@dataclass(frozen=True)
class Pass:
    """How long a pass works, and how often it looks and publishes."""

    budget: float = setting(
        600.0,
        DURATION,
        "A pass ends after this time; steps that still run are adopted by the next one.",
        example="10m",
    )
    fetch_interval: float = setting(
        15.0, DURATION, "How often a working pass looks for new pushes.", example="15s"
    )
    publish_interval: float = setting(
        5.0, DURATION, "How often a working pass commits what has finished.", example="5s"
    )
    max_starts: int = setting(1000, integer(1), "The most runs that one pass starts.", example="1000")


@dataclass(frozen=True)
class Limits:
    """What one repository may ask for."""

    files: int = setting(50_000, integer(1), "The most definition files.", example="50000")
    file_bytes: int = setting(
        256 * 1024, SIZE, "The largest definition file; a larger one is a problem.", example="256KiB"
    )
    steps: int = setting(2_000, integer(1), "The most steps of one workflow.", example="2000")
    bundle_bytes: int = setting(
        64 * 1024 * 1024, SIZE, "The most that the `files` of one step may add up to.", example="64MiB"
    )
    parameter_bytes: int = setting(
        64 * 1024, SIZE, "The largest output parameter; larger values are artifacts.", example="64KiB"
    )
    log_tail_bytes: int = setting(
        8 * 1024,
        SIZE,
        "How much of a log's end is kept in the state; the whole log is an artifact.",
        example="8KiB",
    )
    git_timeout: float = setting(120.0, DURATION, "The longest that one git command may take.", example="2m")


@dataclass(frozen=True)
class Logging:
    """What a pass says while it works."""

    level: str = setting(
        "info", choice("debug", "info", "warning", "error"), "What is worth a line.", example="info"
    )
    format: str = setting(
        "text", choice("text", "json"), "Lines for people, or a JSON object per line.", example="json"
    )


@dataclass(frozen=True)
class Settings:
    """Everything the operator decides, read once. `origins` tells where each given value came from."""

    repository: Repository = Repository()
    ledger: Ledger = Ledger()
    store: Store = Store()
    state: State = State()
    executor: Executor = Executor()
    pass_: Pass = Pass()
    limits: Limits = Limits()
    logging: Logging = Logging()
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Setting:
    """One row of the table: `repository.url`, `RECONCILER_REPOSITORY_URL`, `--repository-url`."""

    group: str
    attribute: str
    value: Any
    about: About

    @property
    def name(self) -> str:
        return f"{self.group.rstrip('_')}.{self.attribute}"

    @property
    def variable(self) -> str:
        return "RECONCILER_" + self.name.replace(".", "_").upper()

    @property
    def flag(self) -> str:
        """The command line's name; secrets have none, since others can read a command line."""
        return "" if self.about.kind.secret else "--" + self.name.replace(".", "-").replace("_", "-")


def groups() -> Iterator[tuple[str, type[Any]]]:
    """The groups by attribute of Settings, in the order of the documentation."""
    for part in fields(Settings):
        if part.name != "origins":
            yield part.name, type(part.default)


def table() -> tuple[Setting, ...]:
    """Every setting, in the order of the documentation."""
    return tuple(
        Setting(group, part.name, part.default, part.metadata["about"])
        for group, cls in groups()
        for part in fields(cls)
    )
