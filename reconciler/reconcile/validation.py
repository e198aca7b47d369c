"""Checks chosen definitions of a checkout, with neither settings nor state."""

from __future__ import annotations

from collections.abc import Callable, Collection
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
    source: Source,
    folders: Collection[str],
    files: Collection[str],
    load: Callable[[str], bytes | None],
    limits: catalog.Limits,
) -> Validation:
    """Check the definitions of the source that lie in `folders` ("" is all of it), and `files` by name.

    Neighbours are looked at too, without being reported: two files may not define the same name. `load`
    gives the content of a file that the source does not list, because git ignores it (None: too large).
    """
    tree = catalog.read_tree(source, "", "", limits)
    asked = {path for path in tree.files if path in files or _is_definition_in(path, folders)}
    loose = {path: load(path) for path in files if path not in tree.files and path not in tree.problems}
    found = _verdicts(source, tree, asked | _neighbours(tree, asked), limits.file_bytes)
    found |= {path: _verdict(data, limits.file_bytes) for path, data in loose.items()}
    resolved, unresolved = definition.resolve(found, tree.files)
    asked |= loose.keys()
    refused = {path for path in tree.problems if path in files or _is_definition_in(path, folders)}
    problems = [problem for path in asked for problem in found[path].at(path).problems]
    problems += [problem for problem in unresolved if problem.path in asked]
    problems += [problem for path in refused for problem in tree.problems[path]]
    sound = sum(each.path in asked for each in resolved.values())
    return Validation(len(asked | refused), sound, tuple(sorted(problems)))


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


def _is_definition_in(path: str, folders: Collection[str]) -> bool:
    return any(catalog.is_definition(path, folder) for folder in folders)
