"""The settings file: YAML of one mapping per group, read strictly and with line numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from reconciler.errors import SettingsError
from reconciler.settings.sources import Given, did_you_mean
from reconciler.settings.table import GROUPS, Setting

if TYPE_CHECKING:
    from reconciler.settings.about import Text

_MAX_BYTES = 1024 * 1024


def from_file(config: Path | str, rows: Mapping[str, Setting], problems: list[str]) -> Iterator[Given]:
    """What the file says; what is wrong in it is added to `problems`."""
    path = Path(config)
    root = _parsed(path)
    for group, mapping in _entries(root, path, "", GROUPS, problems):
        known = GROUPS[group.value].abouts
        for key, node in _entries(mapping, path, f"{group.value}.", known, problems):
            row, place = rows[f"{group.value}.{key.value}"], f"{path}:{key.start_mark.line + 1}"
            text = _text(node)
            if row.about.kind.secret:
                problems.append(
                    f"{place}: {row.name}: a secret does not belong into a file that people read. "
                    f"Set {row.name}_file, or {row.variable} in the environment."
                )
            elif text is None:
                problems.append(f"{place}: {row.name} must be a value or a list of values.")
            elif text != "":
                yield Given(row.name, text, place, str(path.parent.absolute()))


def _parsed(path: Path) -> yaml.Node | None:
    """The file's nodes: they know their lines, and nothing guesses what `no` or `010` may mean."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise SettingsError(f"Cannot read the settings file {path}: {exc.strerror}.") from exc
    if len(content) > _MAX_BYTES:
        raise SettingsError(f"The settings file {path} is larger than 1 MiB.")
    try:
        return yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise SettingsError(
            f"The settings file {path} is not valid YAML: {' '.join(str(exc).split())}"
        ) from exc


def _entries(
    node: yaml.Node | None, path: Path, prefix: str, known: Mapping[str, object], problems: list[str]
) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """The entries of a mapping whose keys are known and come once; an empty node has none."""
    if node is None or _text(node) == "":
        return
    if not isinstance(node, yaml.MappingNode):
        problems.append(
            f"{path}:{node.start_mark.line + 1}: {prefix.rstrip('.') or 'the file'} must be a mapping."
        )
        return
    seen: set[str] = set()
    for key, value in node.value:
        place = f"{path}:{key.start_mark.line + 1}: {prefix}{key.value}"
        if not isinstance(key, yaml.ScalarNode) or key.value not in known:
            problems.append(f"{place}: there is no such setting.{did_you_mean(str(key.value), known)}")
        elif key.value in seen:
            problems.append(f"{place} stands here twice.")
        else:
            seen.add(key.value)
            yield key, value


def _text(node: yaml.Node) -> Text | None:
    """The text of a scalar, the texts of a list, "" for null, None for anything else."""
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag.endswith(":null") else str(node.value)
    if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return tuple(str(item.value) for item in node.value)
    return None
