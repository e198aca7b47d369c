"""Where settings come from: flags, then RECONCILER_* variables, then the file given by `--config`.

Never the reconciled repository: who may push workflows must not be able to move the ledger, the store
or the limits. Whatever is unknown or wrong is reported, all at once, with its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import SettingsError
from reconciler.settings.table import Setting, Settings, groups, table
from reconciler.settings.values import Secret, Text, one

if TYPE_CHECKING:
    import yaml

CONFIG_VARIABLE = "RECONCILER_CONFIG"
STEP_VARIABLES = frozenset(
    f"RECONCILER_{name}" for name in ("WORKFLOW", "RUN_ID", "RUN_NUMBER", "STEP", "ATTEMPT", "REVISION")
)
"""What a step finds in its environment; not settings, and no typing errors either."""

_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """The text of one setting and the place it came from."""

    name: str
    text: Text
    origin: str
    base: Path


def read_settings(
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> Settings:
    """The settings of this process; `flags` by dotted name, such as `repository.url`.

    Raises SettingsError that lists everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    if config is None and environ.get(CONFIG_VARIABLE):
        config = Path(environ[CONFIG_VARIABLE])
    rows = {row.name: row for row in table()}
    problems: list[str] = []
    given: dict[str, Given] = {}
    for source in (
        _from_file(config, rows, problems) if config else (),
        _from_environment(environ, rows, problems),
        _from_flags(flags or {}, rows, problems),
    ):
        given |= {entry.name: entry for entry in source}
    settings = _build(given, rows, problems)
    if problems:
        raise SettingsError("\n".join(problems), hint="docs/settings.md lists every setting.")
    return _resolved(settings, environ)


def _from_flags(
    flags: Mapping[str, str], rows: Mapping[str, Setting], problems: list[str]
) -> Iterator[Given]:
    for name, text in flags.items():
        if name in rows:
            yield Given(name, text, rows[name].flag, Path.cwd())
        else:
            problems.append(f"{name}: there is no such setting.{_meant(name, rows)}")


def _from_environment(
    environ: Mapping[str, str], rows: Mapping[str, Setting], problems: list[str]
) -> Iterator[Given]:
    by_variable = {row.variable: row for row in rows.values()}
    for variable, text in environ.items():
        if (
            not variable.startswith("RECONCILER_")
            or variable in STEP_VARIABLES
            or variable == CONFIG_VARIABLE
        ):
            continue
        if variable not in by_variable:
            problems.append(f"{variable}: there is no such setting.{_meant(variable, by_variable)}")
        elif text:
            yield Given(by_variable[variable].name, text, variable, Path.cwd())


def _from_file(path: Path, rows: Mapping[str, Setting], problems: list[str]) -> Iterator[Given]:
    root = _parsed(path)
    if root is None:
        return
    names = [group.rstrip("_") for group, _ in groups()]
    for group, value in _pairs(root, f"{path}", "", names, problems):
        known = [name.split(".")[1] for name in rows if name.startswith(f"{group.value}.")]
        for key, node in _pairs(value, f"{path}", f"{group.value}.", known, problems):
            name, place = f"{group.value}.{key.value}", f"{path}:{key.start_mark.line + 1}"
            if rows[name].about.kind.secret:
                problems.append(
                    f"{place}: {name}: a secret does not belong into a file that people read. "
                    f"Set {name}_file or {rows[name].variable}."
                )
            elif (text := _text(node)) is None:
                problems.append(f"{place}: {name}: must be a value or a list of values.")
            elif text != "":
                yield Given(name, text, place, path.parent.absolute())


def _parsed(path: Path) -> yaml.Node | None:
    """The file's YAML nodes: with line numbers, and with no guess at what `no` or `010` may mean."""
    import yaml  # only who gives --config pays for it

    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise SettingsError(f"Cannot read the settings file {path}: {exc.strerror}.") from exc
    if len(content) > _MAX_FILE_BYTES:
        raise SettingsError(f"The settings file {path} is larger than 1 MiB.")
    try:
        return yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise SettingsError(
            f"The settings file {path} is not valid YAML: {' '.join(str(exc).split())}"
        ) from exc


def _pairs(
    node: yaml.Node, path: str, prefix: str, known: list[str], problems: list[str]
) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """The entries of a mapping whose keys are known and come once."""
    import yaml

    if isinstance(node, yaml.ScalarNode) and node.value == "":
        return
    if not isinstance(node, yaml.MappingNode):
        problems.append(
            f"{path}:{node.start_mark.line + 1}: {prefix.rstrip('.') or 'the file'}: must be a mapping."
        )
        return
    seen: set[str] = set()
    for key, value in node.value:
        place = f"{path}:{key.start_mark.line + 1}: {prefix}{key.value}"
        if not isinstance(key, yaml.ScalarNode) or key.value not in known:
            problems.append(f"{place}: there is no such setting.{_meant(str(key.value), known)}")
        elif key.value in seen:
            problems.append(f"{place}: stands here twice.")
        else:
            seen.add(key.value)
            yield key, value


def _text(node: yaml.Node) -> Text | None:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag.endswith(":null") else str(node.value)
    if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return tuple(str(item.value) for item in node.value)
    return None


def _build(given: Mapping[str, Given], rows: Mapping[str, Setting], problems: list[str]) -> Settings:
    values: dict[str, dict[str, Any]] = {}
    for entry in given.values():
        row = rows[entry.name]
        try:
            values.setdefault(row.group, {})[row.attribute] = row.about.kind.read(entry.text, entry.base)
        except ValueError as exc:
            problems.append(f"{entry.origin}: {entry.name} {exc}.")
    return Settings(
        **{group: cls(**values.get(group, {})) for group, cls in groups()},
        origins={entry.name: entry.origin for entry in given.values()},
    )


def _resolved(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings with every default that follows from another setting filled in."""
    repository, ledger, store = settings.repository, settings.ledger, settings.store
    directory = settings.state.directory
    if "state.directory" not in settings.origins:
        home = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "~"), ".local/state").expanduser()
        directory = Path(home, "reconciler").absolute()
    shares_access = ledger.url in ("", repository.url)
    return replace(
        settings,
        state=replace(settings.state, directory=directory),
        store=replace(store, url=store.url or f"file://{directory}/artifacts"),
        executor=replace(settings.executor, slots=settings.executor.slots or 2 * (os.cpu_count() or 1)),
        ledger=replace(
            ledger,
            url=ledger.url or repository.url,
            username=ledger.username or repository.username,
            token_file=ledger.token_file or (repository.token_file if shares_access else None),
            ssh_key=ledger.ssh_key or (repository.ssh_key if shares_access else None),
            known_hosts=ledger.known_hosts or repository.known_hosts,
        ),
    )


def require(settings: Settings, name: str) -> None:
    """Raise SettingsError, saying how to set it, when the setting `name` is empty."""
    row = next(row for row in table() if row.name == name)
    if not getattr(getattr(settings, row.group), row.attribute):
        raise SettingsError(
            f"{name} is not set.",
            hint=f"Give {row.flag}, set {row.variable}, or write it into the file of --config.",
        )


def read_secret(value: Secret | None, path: Path | None) -> Secret | None:
    """The secret that was given, or the first line of the file that holds it."""
    if value is not None or path is None:
        return value
    try:
        with path.open(encoding="utf-8") as file:
            return Secret(one(file.readline(65536).rstrip("\n")))
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise SettingsError(f"Cannot read the secret file {path}: {reason}.") from exc


def _meant(word: str, known: Mapping[str, object] | list[str]) -> str:
    import difflib  # only who made an error pays for it

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
