"""Every setting there is: the groups, each setting's default, and the sentence that explains it.

These classes are the one table of settings: flags, variables, the settings file, `doctor`,
docs/settings.md and docs/reconciler.example.yaml are made from it.
"""

from __future__ import annotations

from reconciler.settings.about import About, Group, setting
from reconciler.settings.values import (
    BOOLEAN,
    DURATION,
    LIST,
    LOCATION,
    PATH,
    SECRET,
    SIZE,
    TEXT,
    choice,
    integer,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

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
    ssh_key: str = setting(PATH, "A private key for ssh.", default="", example="/run/secrets/id_ed25519")
    known_hosts: str = setting(
        PATH,
        "The host keys that are trusted; ssh needs it.",
        default="",
        example="/etc/reconciler/known_hosts",
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
    branch: str = setting(TEXT, "The branch that takes the run history.", default="runs", example="runs")
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
        "Where people open artifacts; links in the ledger start with it.",
        default="",
        example="https://artifacts.example.com/reconciler",
        otherwise="store.url, or the bucket's own address",
    )


class State(Group):
    """What a pass remembers: a cache, which `reconciler rebuild` makes anew."""

    directory: str = setting(
        PATH,
        "Database, lock, clone and working directories of steps.",
        default="",
        example="/var/lib/reconciler",
        otherwise="${XDG_STATE_HOME:-~/.local/state}/reconciler",
    )


class Executor(Group):
    """Where and how steps run."""

    name: str = setting(choice("local"), "Where steps run.", default="local", example="local")
    slots: int = setting(
        integer(1),
        "How many steps may run at once.",
        default=0,
        example="8",
        otherwise="twice the number of processors",
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
    hide: tuple[str, ...] = setting(
        LIST,
        "Paths that steps cannot see, besides the state directory and every file named here (bubblewrap).",
        default=(),
        example="/etc/reconciler,/srv/private",
    )


class Pass(Group):
    """How long a pass works, and how often it looks and publishes."""

    budget: float = setting(
        DURATION,
        "A pass ends after this time; steps that still run are adopted by the next one.",
        default=600.0,
        example="10m",
    )
    fetch_interval: float = setting(
        DURATION, "How often a working pass looks for new pushes.", default=15.0, example="15s"
    )
    publish_interval: float = setting(
        DURATION, "How often a working pass commits what has finished.", default=5.0, example="5s"
    )
    max_starts: int = setting(integer(1), "The most runs that one pass starts.", default=1000, example="1000")


class Limits(Group):
    """What one repository may ask for."""

    files: int = setting(integer(1), "The most definition files.", default=50_000, example="50000")
    file_bytes: int = setting(
        SIZE, "The largest definition file; a larger one is a problem.", default=256 * 1024, example="256KiB"
    )
    steps: int = setting(integer(1), "The most steps of one workflow.", default=2_000, example="2000")
    bundle_bytes: int = setting(
        SIZE,
        "The most that the `files` of one step may add up to.",
        default=64 * 1024 * 1024,
        example="64MiB",
    )
    parameter_bytes: int = setting(
        SIZE, "The largest output parameter; larger values are artifacts.", default=64 * 1024, example="64KiB"
    )
    log_tail_bytes: int = setting(
        SIZE,
        "How much of a log's end is kept in the state; the whole log is an artifact.",
        default=8 * 1024,
        example="8KiB",
    )
    git_timeout: float = setting(
        DURATION, "The longest that one git command may take.", default=120.0, example="2m"
    )


class Logging(Group):
    """What a pass says while it works."""

    level: str = setting(
        choice("debug", "info", "warning", "error"), "What is worth a line.", default="info", example="info"
    )
    format: str = setting(
        choice("text", "json"), "Lines for people, or a JSON object per line.", default="text", example="json"
    )


class Settings(Group):
    """Everything the operator decides, read once.

    `origins` tells by dotted name where each given value came from.
    """

    repository: Repository = Repository()
    ledger: Ledger = Ledger()
    store: Store = Store()
    state: State = State()
    executor: Executor = Executor()
    pass_: Pass = Pass()
    limits: Limits = Limits()
    logging: Logging = Logging()
    origins: Mapping[str, str] = {}


GROUPS: dict[str, type[Group]] = {
    "repository": Repository,
    "ledger": Ledger,
    "store": Store,
    "state": State,
    "executor": Executor,
    "pass": Pass,
    "limits": Limits,
    "logging": Logging,
}


class Setting:
    """One row of the table: `repository.url`, `RECONCILER_REPOSITORY_URL`, `--repository-url`."""

    __slots__ = ("about", "attribute", "flag", "group", "name", "variable")

    def __init__(self, group: str, attribute: str, about: About) -> None:
        self.group = group
        self.attribute = attribute
        self.about = about
        self.name = f"{group}.{attribute}"
        self.variable = f"RECONCILER_{group}_{attribute}".upper()
        self.flag = "" if about.kind.secret else f"--{group}-{attribute}".replace("_", "-")
        """Secrets have none, since others can read a command line."""

    def of(self, settings: Settings) -> object:
        """The value of this setting."""
        return getattr(getattr(settings, attribute_of(self.group)), self.attribute)


def attribute_of(group: str) -> str:
    """The attribute of Settings that holds a group; `pass` is a word of the language."""
    return "pass_" if group == "pass" else group


def table() -> dict[str, Setting]:
    """Every setting by its dotted name, in the order of the documentation."""
    rows = (
        Setting(name, field, about) for name, group in GROUPS.items() for field, about in group.abouts.items()
    )
    return {row.name: row for row in rows}
