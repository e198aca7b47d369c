"""All settings as one value, and as one table by name."""

from __future__ import annotations

from reconciler.settings.about import About, Group
from reconciler.settings.groups import Executor, Ledger, Repository, Store
from reconciler.settings.kubernetes import Kubernetes
from reconciler.settings.passes import Lease, Limits, Logging, Pass, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(Group):
    """Everything the operator decides, read once.

    `origins` tells by dotted name where each given value came from, `config` which file was read.
    """

    repository: Repository = Repository()
    ledger: Ledger = Ledger()
    store: Store = Store()
    state: State = State()
    executor: Executor = Executor()
    kubernetes: Kubernetes = Kubernetes()
    pass_: Pass = Pass()
    lease: Lease = Lease()
    limits: Limits = Limits()
    logging: Logging = Logging()
    origins: Mapping[str, str] = {}
    config: str = ""

    @property
    def own_directory(self) -> str:
        """What this shard keeps for itself; one that is all there is has the whole state directory."""
        directory = self.state.directory
        return directory if self.pass_.shards == 1 else f"{directory}/shard-{self.pass_.shard}"


GROUPS: dict[str, type[Group]] = {
    "repository": Repository,
    "ledger": Ledger,
    "store": Store,
    "state": State,
    "executor": Executor,
    "kubernetes": Kubernetes,
    "pass": Pass,
    "lease": Lease,
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
