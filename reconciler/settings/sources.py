"""Where settings come from: flags, then RECONCILER_* variables, then the file given by `--config`.

Never the reconciled repository: who may push workflows must not be able to move the ledger, the store
or the limits. Whatever is unknown or wrong is reported, all at once, with its place.
"""

from __future__ import annotations

import os

from reconciler.errors import SettingsError
from reconciler.settings.table import GROUPS, Settings, attribute_of, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from reconciler.settings.about import Text
    from reconciler.settings.table import Setting

    Rows = Mapping[str, Setting]

CONFIG_VARIABLE = "RECONCILER_CONFIG"
STEP_VARIABLES = frozenset(
    f"RECONCILER_{name}"
    for name in ("WORKFLOW", "RUN_ID", "RUN_NUMBER", "STEP", "ATTEMPT", "ATTEMPT_COOKIE", "REVISION")
)
"""What a step finds in its environment; not settings, and no typing errors either."""
SECRET_PREFIX = "RECONCILER_SECRET_"
"""How the variables begin that hold secrets of steps."""
_NOT_SETTINGS = STEP_VARIABLES | {CONFIG_VARIABLE}


class Given:
    """The text of one setting, where it came from, and what a relative path in it is relative to."""

    __slots__ = ("base", "name", "origin", "text")

    def __init__(self, name: str, text: Text, origin: str, base: str) -> None:
        self.name = name
        self.text = text
        self.origin = origin
        self.base = base


def read_settings(
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | str | None = None,
) -> Settings:
    """The settings of this process; `flags` by dotted name, such as `repository.url`.

    Raises SettingsError that lists everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    config = config or environ.get(CONFIG_VARIABLE)
    rows = table()
    problems: list[str] = []
    given: dict[str, Given] = {}
    if config:
        from reconciler.settings.file import from_file  # brings the YAML parser

        given |= _by_name(from_file(config, rows, problems))
    given |= _by_name(_from_environment(environ, rows, problems))
    given |= _by_name(_from_flags(flags or {}, rows, problems))
    settings = _build(given, rows, problems)
    problems += _contradictions(settings)
    if problems:
        raise SettingsError("\n".join(problems), hint="docs/settings.md lists every setting.")
    return _resolved(settings, environ).with_(config=os.path.abspath(config) if config else "")


def _by_name(source: Iterable[Given]) -> dict[str, Given]:
    return {entry.name: entry for entry in source}


def _from_flags(flags: Mapping[str, str], rows: Rows, problems: list[str]) -> Iterator[Given]:
    for name, text in flags.items():
        if name in rows:
            yield Given(name, text, rows[name].flag, "")
        else:
            problems.append(f"{name}: there is no such setting.{did_you_mean(name, rows)}")


def _from_environment(environ: Mapping[str, str], rows: Rows, problems: list[str]) -> Iterator[Given]:
    by_variable = {row.variable: row.name for row in rows.values()}
    for variable, text in environ.items():
        if (
            not variable.startswith("RECONCILER_")
            or variable in STEP_VARIABLES
            or variable == CONFIG_VARIABLE
            or variable.startswith(SECRET_PREFIX)
        ):
            continue
        if variable not in by_variable:
            problems.append(f"{variable}: there is no such setting.{did_you_mean(variable, by_variable)}")
        elif text:
            yield Given(by_variable[variable], text, variable, "")


def _build(given: Mapping[str, Given], rows: Rows, problems: list[str]) -> Settings:
    values: dict[str, dict[str, Any]] = {}
    for entry in given.values():
        row = rows[entry.name]
        try:
            values.setdefault(row.group, {})[row.attribute] = row.about.kind.read(entry.text, entry.base)
        except ValueError as exc:
            problems.append(f"{entry.origin}: {entry.name} {exc}.")
    groups = {attribute_of(name): group(**values.get(name, {})) for name, group in GROUPS.items()}
    return Settings(**groups, origins={entry.name: entry.origin for entry in given.values()})  # type: ignore[arg-type]


def _contradictions(settings: Settings) -> Iterator[str]:
    """What each setting allows, and two of them together do not."""
    pass_ = settings.pass_
    if pass_.shard >= pass_.shards:
        yield f"pass.shard is {pass_.shard}, and pass.shards says that there are {pass_.shards}, from 0 on."
    repository = settings.repository
    if repository.github_app and not (repository.github_installation and repository.github_key_file):
        yield "repository.github_app needs repository.github_installation and repository.github_key_file."
    if repository.github_app and repository.token_file:
        yield "repository.github_app and repository.token_file are two ways in; give one of them."


def _resolved(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings with every default that follows from another setting filled in."""
    repository, ledger, store = settings.repository, settings.ledger, settings.store
    directory = settings.state.directory or default_state_directory(environ)
    shares_access = ledger.url in ("", repository.url)
    return settings.with_(
        state=settings.state.with_(directory=directory),
        store=store.with_(url=store.url or f"file://{directory}/artifacts"),
        executor=settings.executor.with_(slots=settings.executor.slots or _slots(settings.executor.name)),
        ledger=ledger.with_(
            url=ledger.url or repository.url,
            username=ledger.username or repository.username,
            token_file=ledger.token_file or (repository.token_file if shares_access else ""),
            ssh_key=ledger.ssh_key or (repository.ssh_key if shares_access else ""),
            known_hosts=ledger.known_hosts or repository.known_hosts,
            ca_file=ledger.ca_file or repository.ca_file,
            plain_http=ledger.plain_http or (shares_access and repository.plain_http),
        ),
    )


def _slots(executor: str) -> int:
    """How many steps run at once where nobody says: a cluster has a scheduler of its own."""
    return 1000 if executor == "kubernetes" else 2 * (os.cpu_count() or 1)


def default_state_directory(environ: Mapping[str, str]) -> str:
    """Where XDG wants what a program remembers between its runs."""
    home = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME") or "~", ".local/state")
    return os.path.abspath(os.path.join(os.path.expanduser(home), "reconciler"))


def require(settings: Settings, name: str) -> Settings:
    """The settings, if `name` is set in them; else SettingsError, saying how to set it."""
    row = table()[name]
    if not row.of(settings):
        hint = f"Give {row.flag}, set {row.variable}, or write it into the file of --config."
        raise SettingsError(f"{name} is not set.", hint=hint)
    return settings


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name."""
    import difflib  # only who made an error pays for it

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
