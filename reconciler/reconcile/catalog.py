"""What the repository holds at a revision, kept up to date by what changed since the last one.

Trees are compared, not commits: every path with its blob id against the table of the last pass. That
is right after a force push, a rename and a lost database alike, and 10,000 files cost 25 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler import __version__, definition
from reconciler.definition import Checked, Verdict
from reconciler.model.catalog import CatalogEntry, CatalogUpdate
from reconciler.model.problem import Problem
from reconciler.reconcile import entries, verdicts
from reconciler.reconcile.edges import Source
from reconciler.reconcile.tree import Limits, Tree, anew, compare, is_definition, read_tree
from reconciler.state.store import State

__all__ = ["Limits", "Tree", "is_definition", "read_tree", "refresh"]

GROUND = "catalog.ground"
"""Where the state remembers by which rules its catalog was made."""


def refresh(source: Source, state: State, revision: str, folder: str, limits: Limits) -> CatalogUpdate | None:
    """Bring the catalog in `state` to `revision`; returns what changed, None if it stands there already.

    A catalog that was made by other rules (another folder, other limits, another release) is made anew.
    """
    ground = _ground(folder, limits)
    renewed = state.meta(GROUND) != ground
    if not renewed and state.catalog_revision() == revision:
        return None
    if renewed:
        tree = read_tree(source, revision, folder, limits)
        difference = anew(tree, state)
    else:
        tree, difference = compare(source, state, revision, folder, limits)
    changed, gone = difference.changed, difference.gone
    stale = _stale(state, tree, folder, changed.keys() | gone)
    wanted = {path: tree.files[path].blob for path in stale}
    found, fresh = verdicts.collect(source, state, wanted, limits.file_bytes, anew=renewed)
    before = state.entries() if renewed else state.entries_at(stale | gone)
    made = {path: fresh[blob].entries for path, blob in wanted.items() if blob in fresh}
    resolved = _resolve(state, found, tree, before, made)
    cleared = dict.fromkeys((problem.path for problem in state.problems()), ()) if renewed else {}
    update = CatalogUpdate(
        revision=revision,
        files_set=changed,
        files_gone=gone,
        verdicts={blob: each.text for blob, each in fresh.items()},
        schema_digest=definition.schema_digest(),
        workflows_set={entry.name: entry for entry in resolved.entries},
        workflows_gone=frozenset(entry.name for entry in before) - {e.name for e in resolved.entries},
        problems_set={**cleared, **_problems(tree, found, resolved.problems, gone)},
    )
    state.apply_catalog(update)
    if renewed:
        state.set_meta(GROUND, ground)
    return update


def _ground(folder: str, limits: Limits) -> str:
    """What a catalog depends on besides the revision."""
    return f"{__version__} {definition.schema_digest()} {folder} {limits}"


@dataclass(frozen=True, slots=True)
class _Resolved:
    entries: tuple[CatalogEntry, ...]
    problems: tuple[Problem, ...]


def _stale(state: State, tree: Tree, folder: str, touched: Iterable[str]) -> set[str]:
    """Definitions to look at again: changed ones, those that take a changed file along, those with problems.

    A problem may have its cause in another file (a name that is taken, a script that is missing), so
    whatever has one is looked at whenever anything changes.
    """
    touched = set(touched)
    stale = {path for path in touched if is_definition(path, folder)}
    if touched:
        stale |= {problem.path for problem in state.problems()}
        listing = definition.Listing(touched)
        stale |= {entry.path for entry in state.entries_with_globs() if listing.match(entry.globs)}
    return {path for path in stale if path in tree.files and is_definition(path, folder)}


def _resolve(
    state: State,
    found: Mapping[str, Verdict],
    tree: Tree,
    before: Iterable[CatalogEntry],
    made: Mapping[str, Mapping[str, CatalogEntry]],
) -> _Resolved:
    """Entries out of checked documents; a name stays with the file that had it first.

    `made` has, by path, those that were made when the file was checked.
    """
    names = {checked.name for verdict in found.values() for checked in verdict.documents}
    owners = {entry.name: entry.path for entry in before}
    owners |= {entry.name: entry.path for entry in state.entries_named(names)}
    owners = {name: path for name, path in owners.items() if path in tree.files}
    paths = definition.Listing(tree.files)
    accepted, problems = definition.accept(found, tree.files, paths, owners=owners)

    def entry(name: str, path: str, checked: Checked) -> CatalogEntry:
        if ready := made.get(path, {}).get(name):
            return replace(ready, path=path)
        return entries.from_definition(definition.define(path, checked, tree.files, paths))

    return _Resolved(
        tuple(entry(name, path, checked) for name, (path, checked) in accepted.items()), tuple(problems)
    )


def _problems(
    tree: Tree, found: Mapping[str, Verdict], resolved: Iterable[Problem], gone: Iterable[str]
) -> dict[str, tuple[Problem, ...]]:
    """For every path looked at, all that is wrong there now (nothing: empty)."""
    collected: dict[str, list[Problem]] = {path: list(v.at(path).problems) for path, v in found.items()}
    for problem in resolved:
        collected.setdefault(problem.path, []).append(problem)
    result = {path: tuple(sorted(problems)) for path, problems in collected.items()}
    return {**dict.fromkeys(gone, ()), **result, **tree.problems}
