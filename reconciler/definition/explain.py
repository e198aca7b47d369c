"""Why a document does not fit the schema: one finding per cause, and what is left of the document.

A wrong key draws errors after it (what it should have given is missing, what stands under it is not looked
at). So wrong keys come first, from the outside in: each is reported and put right in a copy, where a
suggestion is at hand, or taken out. The other errors are those of the copy; what they concern is taken out
as well, so that the checks after the schema can look at the rest in the same go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from reconciler.core.suggest import did_you_mean, suggest
from reconciler.definition import schema, wording
from reconciler.definition.finding import Finding
from reconciler.definition.schema import SchemaError
from reconciler.definition.words import Path, listed, show

LIMIT = 200
"""Findings in one document, and steps that are looked at for them: more help nobody, and take time."""

_SURE = 0.7  # from this likeness on, a suggestion is taken for what was meant
_LANGUAGE = (("apiVersion",), ("kind",))


Renamed = tuple[Path, str]
"""A key that was put right: the path where it stands as written, and what it should be."""


@dataclass(slots=True)
class Explained:
    """What is wrong with a document.

    `rest` is a valid document without it, if there is one; `lost` the paths that something was taken
    out of, so that nobody is blamed for missing it; `renamed` the keys that were put right and `removed`
    what was taken out, both in order.
    """

    findings: list[Finding] = field(default_factory=list)
    rest: Any = None
    lost: set[Path] = field(default_factory=set)
    renamed: list[Renamed] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)


def explain(document: Any) -> Explained:
    """Everything that the schema has against `document`."""
    found = Explained()
    work = json.loads(json.dumps(document))  # a copy in which aliases share nothing
    sound: dict[str, Any] = {}
    errors = _put_keys_right(work, sound, found)
    if language := [error for error in errors if error.path in _LANGUAGE]:
        # another kind of document, or another version of this one: its other errors mean nothing
        found.findings = [_finding(error) for error in language]
        return found
    corrected = {(*path[:-1], name) for path, name in found.renamed}
    told = (_finding(error) for error in errors if error.path not in corrected)
    found.findings += _one_each(told)
    if len(found.findings) >= LIMIT:
        found.findings.append(Finding((), "TooManyProblems", "There may be more problems than these."))
    elif _take_out(work, errors, found):
        _put_back(work, sound, document)
        found.rest = work if schema.is_valid(work) else None
    return found


def _one_each(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per value; of a mapping, one per missing key."""
    kept: dict[tuple[Path, str], Finding] = {}
    for finding in findings:
        kept.setdefault((finding.path, finding.message if finding.code == "MissingKey" else ""), finding)
    return list(kept.values())


def _set_aside(work: Any, sound: dict[str, Any], found: Explained) -> None:
    """Take steps out that fit the schema, so that one typo among 10,000 of them is found at once."""
    steps = _at(work, ("spec", "steps"))
    if not isinstance(steps, dict) or len(steps) < 2:
        return
    if len(steps) > schema.max_steps():
        message = f"May have at most {schema.max_steps()} entries, and has {len(steps)}."
        found.findings.append(Finding(("spec", "steps"), "TooLong", message))
        _drop(steps, schema.max_steps(), found)
    fit = [name for name in steps if schema.is_valid_name(name) and schema.is_valid_step(steps[name])]
    for name in fit[1:]:  # one stays: a workflow without steps would be wrong in another way
        sound[name] = steps.pop(name)
    _drop(steps, LIMIT, found)


def _drop(steps: dict[str, Any], kept: int, found: Explained) -> None:
    """Look at no more than the first steps."""
    for name in list(steps)[kept:]:
        del steps[name]
        found.lost.add(("spec", "steps"))


def _put_back(work: Any, sound: dict[str, Any], document: Any) -> None:
    """All steps again, in the order in which they were written."""
    merged = {**sound, **work["spec"]["steps"]}
    written = _at(document, ("spec", "steps"))
    order = [*written, *merged] if isinstance(written, dict) else [*merged]
    work["spec"]["steps"] = {name: merged[name] for name in order if name in merged}


def _put_keys_right(work: Any, sound: dict[str, Any], found: Explained) -> list[SchemaError]:
    """Report and mend wrong keys until none is left; the errors of other kinds that then remain."""
    while not schema.is_valid(work):
        _set_aside(work, sound, found)
        errors = sorted(islice(schema.errors(work), LIMIT), key=lambda error: _order(work, error.path))
        wrong = [error for error in errors if error.rule == "additionalProperties"]
        if not wrong or len(found.findings) >= LIMIT:
            return [error for error in errors if error not in wrong]
        for error in wrong:
            _mend(work, error, found)
    return []


def _mend(work: Any, error: SchemaError, found: Explained) -> None:
    """Report every key that may not stand in one mapping, and rename or remove it."""
    mapping = _at(work, error.path)
    allowed = list(error.schema["properties"])
    for key in [key for key in mapping if key not in error.schema["properties"]]:
        value = mapping.pop(key)
        if len(found.findings) >= LIMIT:
            continue
        path = (*error.path, key)
        if "manifest" in error.schema.get("required", ()) and schema.is_key_of_command(key):
            message = f"{show(key)} does not go with 'manifest': the object says what runs, and how."
            found.findings.append(Finding(path, "Contradiction", message, at_key=True))
            found.lost.add(error.path)
            continue
        found.findings.append(Finding(path, "UnknownKey", _unknown_key(key, allowed, mapping), at_key=True))
        meant = suggest(key, [name for name in allowed if name not in mapping])
        if meant is None or SequenceMatcher(None, key, meant).ratio() < _SURE:
            found.lost.add(error.path)
        else:
            mapping[meant] = value
            found.renamed.append((path, meant))


def _unknown_key(key: str, allowed: list[str], given: Mapping[str, Any]) -> str:
    absent = [name for name in allowed if name not in given]
    hint = did_you_mean(key, absent) or f" Allowed here: {listed(sorted(allowed))}."
    return f"Unknown key {show(key)}.{hint}"


def _finding(error: SchemaError) -> Finding:
    path = error.path
    if error.is_name:
        rule = error.schema.get("patternErrorMessage", "")
        hint = did_you_mean(error.instance, error.schema.get("examples", ()))
        message = f"{show(error.instance)} cannot be a name here.{hint} {rule}".rstrip()
        return Finding((*path, error.instance), "InvalidName", message, at_key=True)
    code, message = wording.of(error)
    return Finding(path, code, message, at_key=code in ("MissingKey", "Contradiction"))


def _take_out(work: Any, errors: list[SchemaError], found: Explained) -> bool:
    """Remove what the errors concern until the rest is valid; False if nothing is left."""
    while errors:
        paths = {(*error.path, error.instance) if error.is_name else error.path for error in errors}
        if () in paths:
            return False
        for path in sorted(
            paths, reverse=True
        ):  # from the back, so that the entries of lists stay where they are
            _remove(work, path)
            found.removed.append(path)
            found.lost.add(path[:-1])
        errors = list(islice(schema.errors(work), LIMIT))
    return True


def _remove(work: Any, path: Path) -> None:
    container = _at(work, path[:-1])
    if isinstance(container, dict):
        container.pop(path[-1], None)
    elif isinstance(container, list) and isinstance(path[-1], int):
        del container[path[-1]]


def _order(work: Any, path: Path) -> list[int]:
    """Sorts paths as the document has them; the library goes through keys in its own order."""
    ranks: list[int] = []
    for part in path:
        ranks.append(list(work).index(part) if isinstance(work, dict) else int(part))
        work = work[part]
    return ranks


def _at(work: Any, path: Path) -> Any:
    """The value at `path`; None where an earlier repair removed it."""
    for part in path:
        try:
            work = work[part]
        except (KeyError, IndexError, TypeError):
            return None
    return work
