"""Checks chosen definitions of a checkout, with neither settings nor state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from reconciler import definition
from reconciler.definition import Verdict
from reconciler.model.problem import Problem
from reconciler.reconcile import catalog, verdicts
from reconciler.reconcile.edges import Source


@dataclass(frozen=True, slots=True)
class Validation:
    """How many workflows are sound in how many files, and everything that is wrong in those files."""

    files: int
    workflows: int
    problems: tuple[Problem, ...]


def validate(
    source: Source, wanted: Collection[str], loose: Mapping[str, bytes | None], limits: catalog.Limits
) -> Validation:
    """Check the definitions at the paths of `wanted`: files and folders of the source.

    Neighbours are looked at too, without being reported: two files may not define the same name.
    `loose` holds files that were asked for and that the source does not list (git ignores them).
    """
    tree = catalog.read_tree(source, "", "", limits)
    asked = {path for path in tree.files if any(catalog.is_definition(path, each) for each in wanted)}
    found = _verdicts(source, tree, asked | _neighbours(tree, asked), limits.file_bytes)
    for path, data in loose.items():
        found[path] = _verdict(data, limits.file_bytes)
    resolved, unresolved = definition.resolve(found, tree.files)
    asked |= loose.keys()
    problems = [problem for path in asked for problem in found[path].at(path).problems]
    problems += [problem for problem in unresolved if problem.path in asked]
    problems += [p for path, refused in tree.problems.items() if _is_asked(path, wanted) for p in refused]
    sound = sum(each.path in asked for each in resolved.values())
    return Validation(len(asked), sound, tuple(sorted(problems)))


def _verdicts(source: Source, tree: catalog.Tree, paths: Collection[str], limit: int) -> dict[str, Verdict]:
    blobs = {path: tree.files[path].blob for path in paths}
    wanted = set(blobs.values())
    by_blob = dict(verdicts.check_all(source.read(wanted, limit), len(wanted), limit))
    return {path: by_blob[blob] for path, blob in blobs.items()}


def _verdict(data: bytes | None, limit: int) -> Verdict:
    return definition.too_large(limit) if data is None else definition.check_text(data, limit)


def _neighbours(tree: catalog.Tree, asked: Collection[str]) -> set[str]:
    """The definitions in the same folders."""
    folders = {path.rpartition("/")[0] for path in asked}
    return {
        path for path in tree.files if path.rpartition("/")[0] in folders and path.endswith((".yaml", ".yml"))
    }


def _is_asked(path: str, wanted: Collection[str]) -> bool:
    return any(folder in ("", ".", path) or path.startswith(f"{folder}/") for folder in wanted)
