"""What changed between two states of a workflow, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_NOUNS = {"parameters": "parameter", "defaults": "default"}


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What differs between the `parts` of two definitions: steps first, then the rest, then files."""
    return [*_steps(old, new), *_fields(old, new), *_files(old, new)]


def _steps(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    before, after = _step_fields(old), _step_fields(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"step '{name}' added"
        elif name not in after:
            yield f"step '{name}' removed"
        else:
            yield from (f"step '{name}': {change}" for change in _differences(before[name], after[name]))


def _step_fields(parts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each step, its fields."""
    found: dict[str, dict[str, str]] = {}
    for key, value in parts.items():
        if key.startswith("steps."):
            _, name, *field = key.split(".", 2)
            fields = found.setdefault(name, {})
            if field:
                fields[field[0]] = value
    return found


def _fields(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    def rest(parts: Mapping[str, str]) -> dict[str, str]:
        return {_title(k): v for k, v in parts.items() if not k.startswith(("steps.", "file:"))}

    yield from _differences(rest(old), rest(new))


def _title(key: str) -> str:
    section, _, name = key.partition(".")
    if not name:
        return section
    return f"{_NOUNS[section]} '{name}'" if section in _NOUNS else f"{section}: {name}"


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    def files(parts: Mapping[str, str]) -> dict[str, str]:
        return {f"file {k.removeprefix('file:')}": v for k, v in parts.items() if k.startswith("file:")}

    yield from _differences(files(old), files(new))


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield f"{key} added"
        elif key not in new:
            yield f"{key} removed"
        elif old[key] != new[key]:
            yield f"{key} changed"
