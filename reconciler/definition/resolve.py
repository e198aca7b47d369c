"""What needs the whole repository: the files that steps take along, and names that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.definition import digest, globs
from reconciler.definition.parse import workflow_from_document
from reconciler.definition.verdict import Checked, Verdict
from reconciler.definition.words import clean, cut, where
from reconciler.model.problem import Problem
from reconciler.model.workflow import Definition, SourceFile

MAX_FILES = 10_000
"""Files of the repository that one step may take along."""


def resolve(
    verdicts: Mapping[str, Verdict],
    listing: Mapping[str, SourceFile],
    *,
    owners: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, Definition], list[Problem]]:
    """The definitions in the files of `verdicts` by name, and what is wrong with the rest: see `accept`."""
    paths = globs.Listing(listing)
    accepted, problems = accept(verdicts, listing, paths, owners=owners)
    made = {name: define(path, checked, listing, paths) for name, (path, checked) in accepted.items()}
    return made, problems


def accept(
    verdicts: Mapping[str, Verdict],
    listing: Mapping[str, SourceFile],
    paths: globs.Listing,
    *,
    owners: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, tuple[str, Checked]], list[Problem]]:
    """The documents of `verdicts` (path to verdict) that count, with their path, by name; and the problems.

    `listing` holds every file of the repository. `verdicts` may be a part of the definitions: `owners`
    then says which path has had a name so far, and keeps it. Of two files that both come with a new
    name, neither gets it. The problems do not repeat those of the verdicts.
    """
    accepted: dict[str, tuple[str, Checked]] = {}
    problems: list[Problem] = []
    for name, claims in sorted(_claims(verdicts).items()):
        owner = _owner(name, claims, verdicts, listing, owners)
        for path, checked in claims.items():
            if path != owner:
                other = owner or next(other for other in claims if other != path)
                problems.append(_taken(path, checked, other))
                continue
            found = list(_missing_files(path, checked, paths))
            if found:
                problems += found
            else:
                accepted[name] = (path, checked)
    return accepted, problems


def _claims(verdicts: Mapping[str, Verdict]) -> dict[str, dict[str, Checked]]:
    """For each name, the paths that define it."""
    claims: dict[str, dict[str, Checked]] = {}
    for path, verdict in sorted(verdicts.items()):
        for checked in verdict.documents:
            claims.setdefault(checked.name, {})[path] = checked
    return claims


def _owner(
    name: str,
    claims: Mapping[str, Checked],
    verdicts: Mapping[str, Verdict],
    listing: Mapping[str, SourceFile],
    owners: Mapping[str, str],
) -> str | None:
    """The path whose definition of the name counts."""
    owner = owners.get(name)
    if owner is not None and owner in listing:
        looked_at = verdicts.get(owner)
        # a file that is broken for now does not lose its name to whoever comes next
        if looked_at is None or owner in claims or looked_at.has_errors:
            return owner
    return next(iter(claims)) if len(claims) == 1 else None


def _taken(path: str, checked: Checked, other: str) -> Problem:
    message = f"The workflow '{checked.name}' is defined in {clean(cut(other, 200))}. Choose another name."
    return Problem(path, *checked.place("$.metadata.name"), "$.metadata.name", "DuplicateName", message)


def _missing_files(path: str, checked: Checked, paths: globs.Listing) -> Iterator[Problem]:
    for name, step in checked.document["spec"]["steps"].items():
        for index, pattern in enumerate(step.get("files", ())):
            found = paths.match_one(pattern)
            place = where(("spec", "steps", name, "files", index))
            if not found:
                hint = (
                    f" '{pattern}' is a directory: write {pattern.rstrip('/')}/**."
                    if paths.has_directory(pattern)
                    else ""
                )
                message = f"No file of the repository matches '{clean(pattern)}'.{hint}"
                yield Problem(path, *checked.place(place), place, "NoSuchFile", message)
            elif len(found) > MAX_FILES:
                message = f"'{clean(pattern)}' matches {len(found)} files, and a step may take {MAX_FILES}."
                yield Problem(path, *checked.place(place), place, "TooManyFiles", message)


def define(
    path: str, checked: Checked, listing: Mapping[str, SourceFile], paths: globs.Listing
) -> Definition:
    """The definition that an accepted document amounts to, with the files that it takes along."""
    workflow = workflow_from_document(checked.document)
    files = {
        step.name: tuple(listing[found] for found in paths.match(step.files))
        for step in workflow.steps.values()
        if step.files
    }
    counted = {file for taken in files.values() for file in taken}
    counted.update(listing[found] for found in paths.match(workflow.triggers.paths))
    return Definition(
        workflow=workflow,
        path=path,
        digest=digest.digest(workflow.document, counted),
        files=files,
        parts=digest.parts(workflow.document, counted),
    )
